const SURFACE = "M0 92C70 58 140 52 210 74s140 30 205 6 110-24 145-12";

/** A cut through a hill: two lit rooms, a tunnel, and two who are about to meet. */
export function Burrows({ className = "" }: { className?: string }) {
  return (
    <svg viewBox="0 0 560 250" aria-hidden className={className}>
      <defs>
        <clipPath id="hill">
          <path d={`${SURFACE}v150a32 32 0 0 1-32 32H32a32 32 0 0 1-32-32Z`} />
        </clipPath>
      </defs>
      <circle cx="286" cy="32" r="22" className="fill-accent-soft" />
      <g clipPath="url(#hill)">
        <rect width="560" height="250" className="fill-raised" />
        <path d="M136 40v80M424 40v80" strokeWidth="34" className="stroke-accent-soft" />
        <path d="M176 176c70 42 138 42 208 0" fill="none" strokeWidth="36" className="stroke-accent-soft" />
        <ellipse cx="136" cy="158" rx="78" ry="58" className="fill-accent-soft" />
        <ellipse cx="424" cy="158" rx="78" ry="58" className="fill-accent-soft" />
      </g>
      <g fill="none" strokeWidth="5" strokeLinecap="round" className="stroke-good">
        {/* The grass, open where the holes are. */}
        <path d="M2 91C35 75 73 65 112 61M160 62c17 3 33 7 50 12 62 20 127 29 187 12M450 70c40-11 77-11 108-2" />
      </g>
      <g fill="none" strokeWidth="4" strokeLinecap="round" className="stroke-good">
        <path d="M58 66c0-10-4-16-9-20M58 66c0-12 3-20 9-25M58 66V50" />
        <path d="M318 88c0-9-4-14-8-18M318 88c0-11 3-18 8-22" />
        <path d="M508 65c0-9-4-14-8-17M508 65c0-11 3-17 8-21M508 65V51" />
      </g>
      <path d="M196 186c60 30 108 30 168 0" fill="none" strokeWidth="4" strokeLinecap="round" strokeDasharray="1 13" className="stroke-accent" />
      <Dweller x={136} className="fill-accent" />
      <Dweller x={424} flipped className="fill-good" />
    </svg>
  );
}

function Dweller({ x, flipped = false, className }: { x: number; flipped?: boolean; className: string }) {
  return (
    <g transform={`translate(${x} 0)${flipped ? " scale(-1 1)" : ""}`} className={className}>
      <path d="M-34 214c0-26 14-42 34-42s34 16 34 42Z" />
      <ellipse cx="-13" cy="125" rx="7.5" ry="22" transform="rotate(-10 -13 125)" />
      <ellipse cx="10" cy="125" rx="7.5" ry="22" transform="rotate(14 10 125)" />
      <circle cx="0" cy="156" r="24" />
      <circle cx="9" cy="152" r="3.4" className="fill-accent-soft" />
      <circle cx="-8" cy="152" r="3.4" className="fill-accent-soft" />
      <path d="M-4 163c3 4 7 4 10 0" fill="none" strokeWidth="3" strokeLinecap="round" className="stroke-accent-soft" />
    </g>
  );
}
