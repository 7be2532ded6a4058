import type { Clock } from "./clock";
import type { Announcement, NoticeKey, View } from "./view";

const NOTICE_MS = 6_000;
/** Notices shown at once; the oldest goes first. */
const NOTICES = 3;

/** What a person is told besides the screens: by a screen reader, and in short notices. */
export class News {
  private notices: View["notices"] = [];
  private ids = 0;

  constructor(
    private readonly clock: Clock,
    private readonly publish: (change: Partial<View>) => void,
  ) {}

  announce(key: Announcement, name = ""): void {
    this.ids += 1;
    this.publish({ announcement: { id: this.ids, key, name } });
  }

  /** The same news again takes the older one's place. */
  notice(key: NoticeKey): void {
    this.ids += 1;
    const id = this.ids;
    const others = this.notices.filter((notice) => notice.key !== key);
    this.notices = [...others, { id, key }].slice(-NOTICES);
    this.publish({ notices: this.notices });
    this.clock.after(NOTICE_MS, () => this.dismiss(id));
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
    this.publish({ notices: this.notices });
  }
}
