import { useEffect, useState } from 'react';

/** Whole seconds left, counted down to 0 even through a sleep of the computer; and a way to start anew. */
export function useCountdown(seconds: number): [left: number, restart: (seconds: number) => void] {
  const [end, setEnd] = useState(() => Date.now() + seconds * 1000);
  const [left, setLeft] = useState(seconds);
  const running = left > 0;
  useEffect(() => {
    if (!running) return;
    const look = () => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    const timer = setInterval(look, 1000);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [end, running]);
  const restart = (again: number) => {
    setEnd(Date.now() + again * 1000);
    setLeft(again);
  };
  return [left, restart];
}

/** The moments worth saying aloud: each full minute, then 30 and 10 seconds. */
export function spoken(seconds: number): number {
  if (seconds > 60) return Math.ceil(seconds / 60) * 60;
  return seconds > 30 ? 60 : seconds > 10 ? 30 : 10;
}
