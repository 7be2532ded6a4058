import type { ReactNode } from "react";

interface TableProps {
  label: string;
  heads: readonly string[];
  children: ReactNode;
}

/** A table that scrolls by itself, also by keyboard, where the window is narrower. */
export function Table({ label, heads, children }: TableProps) {
  return (
    <div tabIndex={0} role="group" aria-label={label} className="overflow-x-auto rounded-2xl border border-line bg-surface">
      <table className="w-full border-collapse text-sm">
        <thead>
          <tr className="border-b border-line text-start text-muted">
            {heads.map((head) => (
              <th key={head} scope="col" className="px-3 py-2 text-start font-medium whitespace-nowrap">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Row({ children }: { children: ReactNode }) {
  return <tr className="border-b border-line last:border-0">{children}</tr>;
}

export function Cell({ children, number = false }: { children: ReactNode; number?: boolean }) {
  return <td className={`px-3 py-2 align-top ${number ? "whitespace-nowrap tabular-nums" : ""}`}>{children}</td>;
}
