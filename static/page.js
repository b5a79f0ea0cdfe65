// Copy buttons, the link to share, and parts of a page that arrive later. Every page works without it.
(() => {
  "use strict";

  const say = (button, text) => {
    const label = button.querySelector("span") || button;
    const before = button.dataset.label || label.textContent;
    button.dataset.label = before;
    label.textContent = text;
    setTimeout(() => { label.textContent = before; }, 1600);
  };

  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  const copy = async (button, text, node) => {
    try {
      await navigator.clipboard.writeText(text);
      say(button, "Copied");
    } catch {
      // no permission, or no https: what is selected can be copied by hand
      if (node) select(node);
      say(button, node && document.execCommand("copy") ? "Copied" : "Selected");
    }
  };

  const wire = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      copy(button, button.dataset.copy, button.parentElement.querySelector("code"));
      return;
    }
    const share = event.target.closest("[data-share]");
    if (share && navigator.clipboard && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      copy(share, share.href, null);
    }
  });

  const fetched = async (address) => {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return { html: await answer.text(), over: answer.headers.get("X-Over") === "1" };
  };

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  // A scan under way: its topics, then the report in its place.
  const follow = async (box) => {
    for (let failed = 0; failed < 5;) {
      await wait(600);
      try {
        const { html, over } = await fetched(box.dataset.poll);
        if (over) { location.reload(); return; }
        if (box.innerHTML.trim() !== html.trim()) box.innerHTML = html;
        failed = 0;
      } catch { failed += 1; }
    }
    location.reload();
  };

  // A diagnosis whose evidence is on its way: each part is replaced when all of it is there.
  const complete = async (box) => {
    const open = [...box.querySelectorAll("[data-pending]")];
    if (!open.length) return;
    for (let failed = 0; failed < 5;) {
      await wait(700);
      try {
        const { over } = await fetched(box.dataset.evidence + open[0].dataset.n);
        failed = 0;
        if (!over) continue;
        for (const part of open) {
          const { html } = await fetched(box.dataset.evidence + part.dataset.n);
          const holder = document.createElement("template");
          holder.innerHTML = html;
          wire(holder.content);
          part.replaceWith(holder.content);
        }
        return;
      } catch { failed += 1; }
    }
  };

  // Rooms: one that an address names stands open; all of them on request, and on paper.
  const rooms = [...document.querySelectorAll("details")];
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  const opener = document.querySelector("[data-open-all]");
  if (opener) {
    const own = [...document.querySelectorAll(".room")];
    opener.hidden = false;
    opener.addEventListener("click", () => {
      const open = own.some((room) => !room.open);
      for (const room of own) room.open = open;
      opener.textContent = open ? "Close all" : "Open all";
    });
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = rooms.filter((part) => !part.open);
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of closed) part.open = false; });

  wire(document);
  for (const paste of document.querySelectorAll(".paste")) {
    const mark = paste.querySelector("mark");
    if (mark) paste.scrollTop = mark.offsetTop - 80;
  }
  for (const box of document.querySelectorAll("[data-poll]")) follow(box);
  for (const box of document.querySelectorAll("[data-evidence]")) complete(box);
})();
