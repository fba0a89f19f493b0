// Keys in the viewer: left and right go to the neighbours, Esc goes back to all projects.
const links = { ArrowLeft: "[rel=prev]", ArrowRight: "[rel=next]", Escape: "[data-up]" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest("input, textarea, select, [popover], [data-scrolls]")) return;
  const selector = links[event.key];
  if (selector) document.querySelector(selector)?.click();
});
