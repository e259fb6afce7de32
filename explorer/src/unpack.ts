// Parts of the page that are packed: base64 of gzip, so that no text in them can end an element,
// and the file stays small.

/** The text that was packed into the element with this id. */
export async function unpack(id: string): Promise<string> {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser cannot unpack it; one of 2023 or later can");
  }
  const text = document.getElementById(id)?.textContent ?? "";
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** Say why there is no page. */
export function sayBroken(error: unknown): void {
  const words = error instanceof Error ? error.message : String(error);
  document.getElementById("app")!.textContent = `This page could not be read: ${words}.`;
}
