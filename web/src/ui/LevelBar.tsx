import { useEffect, useRef } from "react";
import type { LevelMeter } from "../core/sound";

interface LevelBarProps {
  meter: LevelMeter;
  label: string;
  /** Told for each reading; the bar itself is moved without a render. */
  onLevel?: (level: number) => void;
}

const SEGMENTS = 16;

/** A live bar that moves with the voice, sixty times a second and without React. */
export function LevelBar({ meter, label, onLevel }: LevelBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    const draw = (): void => {
      frame = requestAnimationFrame(draw);
      const level = meter.level();
      onLevel?.(level);
      // Up at once, down slowly: otherwise it flickers.
      shown = Math.max(level, shown * 0.92);
      const element = bar.current;
      if (element === null) return;
      const lit = Math.round(shown * SEGMENTS);
      [...element.children].forEach((segment, index) => {
        segment.classList.toggle("bg-good", index < lit);
        segment.classList.toggle("meter-fill", index < lit);
        segment.classList.toggle("bg-line", index >= lit);
      });
      element.setAttribute("aria-valuenow", String(Math.round(shown * 10) * 10));
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [meter, onLevel]);
  return (
    <div ref={bar} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} className="flex h-2.5 gap-1">
      {Array.from({ length: SEGMENTS }, (_, index) => (
        <span key={index} className="h-full grow rounded-full bg-line" />
      ))}
    </div>
  );
}
