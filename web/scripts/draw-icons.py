"""Draws the PNG icons from the SVG one: `python web/scripts/draw-icons.py`. The results are committed."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).resolve().parent.parent / "public" / "icons"
SIZES = (
    ("burrow-180", 180, False),
    ("burrow-192", 192, False),
    ("burrow-512", 512, False),
    ("burrow-maskable-512", 512, True),
)


def main() -> None:
    """Write each size; a maskable one bleeds to the edges and keeps its sign in the safe zone."""
    svg = (ICONS / "burrow.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, size, maskable in SIZES:
            page = browser.new_page(viewport={"width": size, "height": size})
            inner = "width:70%;height:70%" if maskable else "width:100%;height:100%"
            ground = "#b4471b" if maskable else "transparent"
            page.set_content(
                f"<style>html,body{{margin:0;height:100%;background:{ground};display:grid;place-items:center}}svg{{{inner}}}</style>{svg}"
            )
            page.screenshot(path=ICONS / f"{name}.png", omit_background=not maskable)
        browser.close()


if __name__ == "__main__":
    main()
