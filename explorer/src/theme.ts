// Light or dark: as the system has it until the button is pressed, and light on paper.

type Theme = "light" | "dark";

const root = (): DOMStringMap => document.documentElement.dataset;

export function startTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen: Theme | undefined;
  const follow = (): void => {
    root().theme = dark.matches ? "dark" : "light";
  };
  follow();
  dark.addEventListener("change", follow);
  addEventListener("beforeprint", () => {
    chosen = root().theme as Theme;
    root().theme = "light";
  });
  addEventListener("afterprint", () => {
    if (chosen) root().theme = chosen;
  });
}

export function toggleTheme(): void {
  root().theme = root().theme === "dark" ? "light" : "dark";
}
