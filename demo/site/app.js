// The shelf on the home page and the small tools of the other pages. Each page calls what it needs.
"use strict";

const say = (line) => {
  const log = document.querySelector(".log");
  log.textContent = `${line}\n${log.textContent}`.slice(0, 8000);
};

async function shelf() {
  const list = document.querySelector(".shelf");
  const books = await (await fetch("/api/items")).json();
  list.replaceChildren(...books.map((book) => {
    const item = document.createElement("li");
    const cover = Object.assign(document.createElement("img"), { src: "/book.svg", alt: "" });
    const text = document.createElement("div");
    text.textContent = book.title;
    const price = document.createElement("small");
    price.textContent = `${book.author} · ${(book.price_cents / 100).toFixed(2)} €`;
    text.append(price);
    item.append(cover, text);
    return item;
  }));
}

function socket() {
  const ws = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
  ws.onopen = () => say("connected");
  ws.onmessage = (event) => say(`← ${event.data}`);
  ws.onclose = (event) => say(`closed (${event.code})`);
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    const input = event.target.elements.text;
    ws.send(input.value);
    say(`→ ${input.value}`);
    input.value = "";
  };
}

function events() {
  const source = new EventSource("/events");
  source.onopen = () => say("connected");
  source.onerror = () => say("disconnected, the browser tries again");
  source.addEventListener("tick", (event) => say(`${event.lastEventId}: ${event.data}`));
}

function upload() {
  document.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    const file = event.target.elements.file.files[0];
    if (!file) return;
    say(`sending ${file.name}, ${file.size} bytes …`);
    const answer = await fetch("/upload", { method: "PUT", body: file });
    say(`${answer.status}: ${await answer.text()}`);
  };
}

({ shelf, socket, events, upload })[document.body.dataset.page]?.();
