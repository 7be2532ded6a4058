import { useEffect, useRef } from "react";

interface PictureProps {
  stream: MediaStream | null;
  label: string;
  className?: string;
}

/** One's own camera, silent. */
export function Picture({ stream, label, className = "" }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    element.srcObject = stream;
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  return <video ref={video} autoPlay playsInline muted aria-label={label} className={className} />;
}
