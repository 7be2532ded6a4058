import { type Cancel, type Clock, every } from "./clock";

const WIDTH = 320;
const HEIGHT = 180;

/**
 * The picture that stands for a camera that is off: the camera itself is really stopped, its light is
 * out, and the stranger sees a crossed-out camera rather than a frozen face.
 */
export class Placeholder {
  private track: MediaStreamTrack | null = null;
  private cancel: Cancel = () => undefined;

  constructor(private readonly clock: Clock) {}

  get(): MediaStreamTrack | null {
    if (this.track !== null) return this.track;
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const pen = canvas.getContext("2d");
    if (pen === null) return null;
    draw(pen);
    const track = canvas.captureStream(0).getVideoTracks()[0] as CanvasCaptureMediaStreamTrack | undefined;
    if (track === undefined) return null;
    // An encoder sends nothing without frames, and a late viewer needs one.
    this.cancel = every(this.clock, 500, () => {
      draw(pen);
      track.requestFrame();
    });
    this.track = track;
    return track;
  }

  stop(): void {
    this.cancel();
    this.track?.stop();
    this.track = null;
  }
}

function draw(pen: CanvasRenderingContext2D): void {
  pen.fillStyle = "#1d1815";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.strokeStyle = "#8d7f75";
  pen.lineWidth = 5;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.strokeRect(124, 68, 48, 44);
  pen.beginPath();
  pen.moveTo(172, 84);
  pen.lineTo(196, 70);
  pen.lineTo(196, 110);
  pen.lineTo(172, 96);
  pen.moveTo(114, 56);
  pen.lineTo(206, 124);
  pen.stroke();
}
