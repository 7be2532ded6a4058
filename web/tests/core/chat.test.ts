import { beforeEach, describe, expect, test } from "vitest";
import { Chat, charsOf } from "../../src/core/chat";
import type { Outgoing } from "../../src/core/connection";
import { FakeClock } from "./fakes";

let clock: FakeClock;
let sent: Outgoing[];
let reachable: boolean;
let ids: number;
let chat: Chat;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  reachable = true;
  ids = 0;
  chat = new Chat({
    clock,
    send: (message) => {
      if (reachable) sent.push(message);
      return reachable;
    },
    onChange: () => undefined,
    newId: () => {
      ids += 1;
      return `id${ids}`;
    },
  });
});

function status(index = 0): string | null {
  const line = chat.state.lines[index];
  return line?.from === "you" ? line.status : null;
}

describe("a line of one's own", () => {
  test("is sending, sent, delivered", () => {
    expect(chat.say("hello")).toBe(true);
    expect(status()).toBe("sending");
    expect(sent).toEqual([{ type: "chat", id: "id1", text: "hello" }]);
    chat.handle({ type: "chat_accepted", seq: 1, id: "id1", at_ms: 5 });
    expect(status()).toBe("sent");
    chat.handle({ type: "chat_delivered", seq: 2, id: "id1" });
    expect(status()).toBe("delivered");
    chat.handle({ type: "chat_accepted", seq: 3, id: "id1", at_ms: 5 });
    expect(status()).toBe("delivered");
  });

  test("fails without an answer, and is sent again under its id", async () => {
    chat.say("hello");
    await clock.advance(9_999);
    expect(status()).toBe("sending");
    await clock.advance(1);
    expect(status()).toBe("failed");
    chat.retry("id1");
    expect(status()).toBe("sending");
    expect(sent.filter(({ type }) => type === "chat")).toEqual([
      { type: "chat", id: "id1", text: "hello" },
      { type: "chat", id: "id1", text: "hello" },
    ]);
    chat.handle({ type: "chat_accepted", seq: 1, id: "id1", at_ms: 5 });
    await clock.advance(60_000);
    expect(status()).toBe("sent");
  });

  test("fails at once when it cannot be kept, or is refused", () => {
    reachable = false;
    chat.say("a");
    expect(status(0)).toBe("failed");
    reachable = true;
    chat.say("b");
    chat.handle({ type: "error", seq: 1, code: "rate_limited", message: "", about: "chat", n: 4 });
    expect(status(1)).toBe("failed");
  });

  test("that was not acknowledged fails when the talk ends", () => {
    chat.say("a");
    chat.end();
    expect(status()).toBe("failed");
    expect(clock.pending).toBe(0);
  });

  test("holds 1 to 1,000 characters, counted as the service does", () => {
    expect(chat.say("  \n ")).toBe(false);
    expect(chat.say("🦡".repeat(1000))).toBe(true);
    expect(chat.say("🦡".repeat(1001))).toBe(false);
    expect(charsOf("🦡")).toBe(1);
  });
});

describe("a stranger's line", () => {
  const line = { type: "chat", seq: 1, match: "m", id: "s1", text: "hi", at_ms: 7 } as const;

  test("is acknowledged and shown once", () => {
    chat.handle(line);
    chat.handle(line);
    expect(chat.state.lines).toHaveLength(1);
    expect(sent).toEqual([{ type: "chat_received", id: "s1" }, { type: "chat_received", id: "s1" }]);
  });

  test("counts as unread while it cannot be seen", () => {
    chat.handle(line);
    expect(chat.state.unread).toBe(0);
    chat.setInView(false);
    chat.handle({ ...line, id: "s2" });
    chat.handle({ ...line, id: "s3" });
    expect(chat.state.unread).toBe(2);
    chat.setInView(true);
    expect(chat.state.unread).toBe(0);
  });

  test("ends their typing", () => {
    chat.handle({ type: "typing", seq: 1, match: "m", active: true });
    chat.handle(line);
    expect(chat.state.strangerTypes).toBe(false);
  });

  test("with the same id as an own one is another line", () => {
    chat.say("mine");
    chat.handle({ ...line, id: "id1" });
    expect(chat.state.lines).toHaveLength(2);
  });
});

describe("typing", () => {
  test("is told at once, again while it goes on, and stops by itself", async () => {
    chat.typed("h");
    chat.typed("he");
    expect(sent).toEqual([{ type: "typing", active: true }]);
    await clock.advance(3_000);
    chat.typed("hel");
    expect(sent).toHaveLength(2);
    await clock.advance(4_000);
    expect(sent.at(-1)).toEqual({ type: "typing", active: false });
    await clock.advance(60_000);
    expect(sent).toHaveLength(3);
  });

  test("an emptied field stops it, a sent line needs no stop", () => {
    chat.typed("h");
    chat.typed("");
    expect(sent.at(-1)).toEqual({ type: "typing", active: false });
    chat.typed("h");
    chat.say("h");
    chat.typed("");
    expect(sent.filter((message) => message.type === "typing" && !message.active)).toHaveLength(1);
  });

  test("of the stranger is not believed when no stop can be heard", () => {
    chat.handle({ type: "typing", seq: 1, match: "m", active: true });
    chat.socketLost();
    expect(chat.state.strangerTypes).toBe(false);
  });
});

test("a long talk keeps its last 500 lines, a new one none", () => {
  for (let index = 0; index < 510; index += 1) {
    chat.handle({ type: "chat", seq: index, match: "m", id: `s${index}`, text: "x", at_ms: 1 });
  }
  expect(chat.state.lines).toHaveLength(500);
  expect(chat.state.lines[0]).toMatchObject({ id: "s10" });
  chat.clear();
  expect(chat.state.lines).toEqual([]);
});
