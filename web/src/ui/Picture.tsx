import { useEffect, useRef } from "react";

interface PictureProps {
  stream: MediaStream | null;
  label: string;
  className?: string;
  /** Told once a frame of this stream was really shown. */
  onFrame?: () => void;
}

/** One's own camera, silent. */
export function Picture({ stream, label, className = "", onFrame }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    element.srcObject = stream;
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  useEffect(() => {
    const element = video.current;
    if (element === null || stream === null || onFrame === undefined) return;
    // The second one: a single frame can be a left-over of another stream.
    let handle = element.requestVideoFrameCallback(() => {
      handle = element.requestVideoFrameCallback(onFrame);
    });
    return () => element.cancelVideoFrameCallback(handle);
  }, [stream, onFrame]);
  return <video ref={video} autoPlay playsInline muted aria-label={label} className={className} />;
}
