import { type CallState, inTalk } from "./call";
import type { News } from "./news";

/** What a person is told when the call changes. */
export class CallNews {
  constructor(private readonly news: News) {}

  /** The picture is another route's now. */
  routeShown(now: CallState): void {
    this.news.notice(inTalk(now) && now.talk.shown === "direct" ? "nowDirect" : "nowRelayed");
  }

  /** The stranger's camera or microphone, when it went on or off. */
  strangerShows(before: CallState, now: CallState): void {
    const was = inTalk(before) ? before.talk.media : null;
    const is = inTalk(now) ? now.talk.media : null;
    if (!inTalk(now) || is === null || was === null) return;
    const { name } = now.talk.stranger;
    if (is.camera !== was.camera) this.news.announce(is.camera ? "theirCameraOn" : "theirCameraOff", name);
    else if (is.microphone !== was.microphone) this.news.announce(is.microphone ? "theyAreHeard" : "theyAreMuted", name);
  }

  /** Where the user is now. */
  whereabouts(before: CallState, now: CallState): void {
    if (before.kind === now.kind) return;
    switch (now.kind) {
      case "lobby":
        this.news.announce("lobby");
        return;
      case "joining":
        this.news.announce("finding");
        return;
      case "connecting":
        if (!inTalk(before)) this.news.announce("matched", now.talk.stranger.name);
        return;
      case "connected":
        this.news.announce(before.kind === "reconnecting" ? "reconnected" : "connected", now.talk.stranger.name);
        return;
      case "reconnecting":
        this.news.announce("reconnecting");
        return;
      case "ended":
        this.news.announce(now.by === "stranger" ? "left" : "ended", now.talk.stranger.name);
        return;
      case "finding":
    }
  }
}
