// The viewer: left and right go to the neighbours, + and − zoom, f fills the screen, Esc steps back.
const STEPS = 5;
const links = { ArrowLeft: "[rel=prev]", ArrowRight: "[rel=next]" };
const stage = () => document.querySelector("[data-stage]");
const level = () => Number(stage()?.dataset.zoom ?? 0);

// Zooms by steps that the style sheet knows, around a point given as fractions of the picture.
const zoom = (to, x = 0.5, y = 0.5) => {
  const box = stage()?.querySelector(".scroll");
  if (!box || to < 0 || to >= STEPS) return;
  stage().dataset.zoom = to;
  box.scrollTo({ left: x * box.scrollWidth - box.clientWidth / 2, top: y * box.scrollHeight - box.clientHeight / 2, behavior: "instant" });
};
const fill = () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else stage()?.requestFullscreen?.();
};

document.addEventListener("click", ({ target, clientX, clientY }) => {
  const by = target.closest("[data-zoom-by]");
  if (by) zoom(level() + Number(by.dataset.zoomBy));
  if (target.closest("[data-fill]")) fill();
  if (!target.matches(".picture")) return;
  const { left, top, width, height } = target.getBoundingClientRect();
  zoom(level() ? 0 : 2, (clientX - left) / width, (clientY - top) / height);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [popover]")) return;
  const zoomed = level() > 0;
  if (event.key === "+" || event.key === "=") zoom(level() + 1);
  else if (event.key === "-") zoom(level() - 1);
  else if (event.key === "0") zoom(0);
  else if (event.key === "f") fill();
  // A zoomed picture is scrolled by the arrows, as any box is, once it has the focus.
  else if (event.key in links && !(zoomed && event.target.closest(".scroll"))) document.querySelector(links[event.key])?.click();
  else if (event.key === "Escape" && zoomed) zoom(0);
  else if (event.key === "Escape" && !document.fullscreenElement) document.querySelector("[data-up]").click();
});

// On a phone the strip is wider than the screen: what is shown stands in its middle.
const film = document.querySelector(".film");
const frame = film?.querySelector("[aria-current]");
if (frame) film.scrollLeft = frame.offsetLeft - (film.clientWidth - frame.offsetWidth) / 2;
