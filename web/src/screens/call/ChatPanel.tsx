import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../ui/Button";
import { ChatInput } from "./ChatInput";
import { ChatLines } from "./ChatLines";

interface ChatPanelProps {
  name: string;
  /** Whether the talk still goes on. */
  open: boolean;
  onClose: () => void;
}

/** Beside the picture where there is room, else a sheet over its lower part. */
export function ChatPanel({ name, open, onClose }: ChatPanelProps) {
  const { t } = useTranslation();
  return (
    <aside
      aria-label={t("chat.title")}
      className="z-30 flex min-h-0 flex-col bg-surface text-ink max-lg:fixed max-lg:inset-x-0 max-lg:bottom-0 max-lg:h-[62dvh] max-lg:animate-rise max-lg:rounded-t-3xl max-lg:sheet-shadow lg:w-88 lg:shrink-0 lg:border-s lg:border-line"
    >
      <div className="flex items-center justify-between ps-5 pe-2 pt-2 lg:pt-3">
        <h2 className="text-lg font-bold">{t("chat.title")}</h2>
        <IconButton label={t("chat.close")} icon={<X aria-hidden />} onClick={onClose} />
      </div>
      <ChatLines name={name} />
      <ChatInput open={open} />
    </aside>
  );
}
