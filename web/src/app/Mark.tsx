/** Two holes and the tunnel between them. */
export function Mark({ className = "" }: { className?: string }) {
  return (
    <svg viewBox="0 0 64 64" aria-hidden className={className}>
      <rect width="64" height="64" rx="17" className="fill-accent" />
      <path d="M17 26v6a15 15 0 0 0 30 0v-6" fill="none" strokeWidth="7" strokeLinecap="round" className="stroke-paper" />
      <circle cx="17" cy="22" r="8.5" className="fill-paper" />
      <circle cx="47" cy="22" r="8.5" className="fill-paper" />
      <circle cx="17" cy="22" r="3.5" className="fill-accent" />
      <circle cx="47" cy="22" r="3.5" className="fill-accent" />
    </svg>
  );
}
