import { describe, expect, test } from "vitest";
import { judge, type MediaTotals, QualityGauge } from "../../src/core/quality";

const START: MediaTotals = {
  atMs: 0, packetsReceived: 100, packetsLost: 0, frozenSeconds: 0, framesDecoded: 0, lossOut: null, roundTripMs: 40, availableOutBps: 3_000_000,
};

function later(before: MediaTotals, more: Partial<MediaTotals> = {}): MediaTotals {
  return { ...before, atMs: before.atMs + 1000, packetsReceived: before.packetsReceived + 100, ...more };
}

describe("one look", () => {
  test.each([
    ["nothing wrong", {}, "good", null],
    ["some loss", { packetsLost: 5 }, "fair", "loss_in"],
    ["much loss", { packetsLost: 20 }, "poor", "loss_in"],
    ["our packets lost", { lossOut: 0.1 }, "poor", "loss_out"],
    ["long delay", { roundTripMs: 400 }, "fair", "delay"],
    ["very long delay", { roundTripMs: 900 }, "poor", "delay"],
    ["a frozen picture", { frozenSeconds: 0.6 }, "poor", "freezes"],
    ["little bandwidth", { availableOutBps: 200_000 }, "fair", "bandwidth"],
    ["hardly any bandwidth", { availableOutBps: 60_000 }, "poor", "bandwidth"],
    ["silence", { packetsReceived: 100 }, "poor", "silence"],
  ] as const)("%s", (_name, more, grade, reason) => {
    expect(judge(START, later(START, more))).toEqual({ grade, reason });
  });

  test("names what weighs most", () => {
    expect(judge(START, later(START, { roundTripMs: 400, packetsLost: 50 })).reason).toBe("loss_in");
  });

  test("before anything was received silence is no fault", () => {
    const nothing = { ...START, packetsReceived: 0 };
    expect(judge(nothing, { ...nothing, atMs: 1000 }).grade).toBe("good");
  });
});

describe("what is shown", () => {
  function shown(marks: string): string {
    const gauge = new QualityGauge();
    let totals = START;
    gauge.read(totals);
    return Array.from(marks, (mark) => {
      totals = later(totals, { roundTripMs: mark === "g" ? 40 : mark === "f" ? 400 : 900 });
      return gauge.read(totals)?.grade[0] ?? "-";
    }).join("");
  }

  test("one bad look changes nothing, two do", () => {
    expect(shown("gpgppg")).toBe("ggggpp");
  });

  test("it takes four good looks to praise again", () => {
    expect(shown("ppgggpgggg")).toBe("pppppppppg");
  });

  test("looks that disagree do not add up", () => {
    expect(shown("gfpfpfp")).toBe("ggggggg");
  });

  test("the first guesses of the bandwidth are no fault of the line", () => {
    const gauge = new QualityGauge();
    let totals: MediaTotals = { ...START, availableOutBps: 200_000 };
    const grades: string[] = [];
    for (let second = 0; second < 14; second += 1) {
      grades.push(gauge.read(totals)?.grade[0] ?? "-");
      totals = later(totals);
    }
    expect(grades.join("")).toBe("-gggggggggffff");
  });

  test("there is nothing to say from one reading, or after a reset", () => {
    const gauge = new QualityGauge();
    expect(gauge.read(START)).toBeNull();
    gauge.read(later(START));
    gauge.reset();
    expect(gauge.quality).toBeNull();
    expect(gauge.read(START)).toBeNull();
  });
});
