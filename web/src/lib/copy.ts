/** Puts text on the clipboard. Gives whether the browser allowed it; without TLS it never does. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
