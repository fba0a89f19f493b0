// Keeps the parts marked data-live as fresh as the server: an event says that something changed, the page says how.
const parts = document.querySelectorAll("[data-live]");
const state = document.querySelector("[data-live-state]");
const spoken = document.getElementById("live");
const types = ["credits.changed", "storage.changed", "project.saved", "project.deleted", "hold.created", "hold.settled"];
const RETRY = 5000;
let last = "";
let due = 0;

const show = (live) => {
  if (!state) return;
  state.hidden = false;
  state.dataset.liveState = live ? "on" : "off";
  state.querySelector("span").textContent = live ? state.dataset.on : state.dataset.off;
};

const refresh = async () => {
  due = 0;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const now = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!now || now.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceChildren(...now.childNodes);
    if ("liveSpoken" in part.dataset) spoken.textContent = part.textContent.replace(/\s+/g, " ").trim();
  }
};

// Events come in groups, a charge with its project: one look at the page for all of them.
const soon = () => {
  due ||= setTimeout(() => refresh().catch(() => {}), 100);
};

const listen = () => {
  const stream = new EventSource(`/api/unified/events/stream${last && `?after=${last}`}`);
  stream.addEventListener("open", () => {
    show(true);
    soon();
  });
  stream.addEventListener("error", () => {
    show(false);
    // A browser tries again by itself, except where the server said no: all its streams are taken, or one signed out.
    if (stream.readyState !== EventSource.CLOSED) return;
    soon();
    setTimeout(listen, RETRY);
  });
  for (const type of types) {
    stream.addEventListener(type, (event) => {
      last = event.lastEventId;
      soon();
    });
  }
};

if (parts.length) listen();
