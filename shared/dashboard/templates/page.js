"use strict";
// The function key stays where the platform put it, in this page's own address. It is read from there when it is needed
// and never becomes part of the page: links get it as they are followed, requests carry it as a header.
(() => {
  const key = () => new URLSearchParams(location.search).get("code") || "";
  const headers = () => ({ "x-dashboard-part": "main", ...(key() && { "x-functions-key": key() }) });
  const bare = () => location.pathname;

  const withKey = (search) => {
    const to = new URLSearchParams(search);
    if (key()) to.set("code", key());
    const query = to.toString();
    return bare() + (query ? "?" + query : "");
  };

  const follow = (event) => {
    const link = event.target.closest && event.target.closest("a[data-view]");
    if (!link || event.button > 1 || event.defaultPrevented) return;
    event.preventDefault();
    const to = withKey(new URL(link.href).search);
    if (event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey) window.open(to, "_blank", "noopener");
    else location.assign(to);
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", (event) => { if (event.button === 1) follow(event); });

  const read = async (search, options) => {
    const answer = await fetch(bare() + search, {
      cache: "no-store", credentials: "same-origin", redirect: "error", ...options,
      headers: { ...headers(), ...(options && options.headers) },
    });
    const type = answer.headers.get("content-type") || "";
    if (!type.startsWith("text/html")) throw new Error("the app answered " + answer.status);
    return { ok: answer.ok, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
  };

  const main = () => document.getElementById("main");
  let asked = 0;

  const send = async (form, button) => {
    const body = new URLSearchParams(new FormData(form, button));
    button.disabled = true;
    clearTimeout(timer);
    try {
      const { ok, page } = await read("", { method: "POST", body });
      if (ok) show(page);
      else say(page.getElementById("notice").textContent, true);
      const notice = document.getElementById("notice");
      if (notice.textContent) notice.focus();
    } catch (error) {
      say("The request may not have been sent: " + error.message, true);
    } finally {
      asked += 1; // what was requested meanwhile is older than this answer
      button.disabled = false;
      plan();
    }
  };

  // What a form answers may be another page than the one it was sent from.
  const show = (page) => {
    main().replaceWith(page.getElementById("main"));
    document.title = page.title;
  };

  const say = (text, bad) => {
    const notice = document.getElementById("notice");
    notice.textContent = text;
    notice.className = bad ? "notice bad" : "notice";
  };

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.hasAttribute("data-view")) {
      const fields = [...new FormData(form)].filter(([name, value]) => value !== "" && name !== "page" || value > 1);
      location.assign(withKey(new URLSearchParams(fields)));
    } else {
      send(form, event.submitter);
    }
  });

  let timer;
  const plan = () => {
    clearTimeout(timer);
    const every = main().dataset.refresh && main().dataset.every;
    if (every) timer = setTimeout(refresh, every * 1000);
  };

  const refresh = async () => {
    if (document.hidden) return plan();
    const lost = document.getElementById("lost");
    const before = asked;
    try {
      const { ok, page } = await read(main().dataset.refresh);
      if (!ok) throw new Error("the app could not answer");
      if (before === asked) {
        for (const part of document.querySelectorAll("[data-live]")) update(part, page.getElementById(part.id));
        main().dataset.every = page.getElementById("main").dataset.every;
        document.title = page.title;
      }
      lost.textContent = "";
    } catch (error) {
      lost.textContent = " – not refreshed since: " + error.message;
    }
    plan();
  };

  const update = (part, next) => {
    if (!next || part.innerHTML === next.innerHTML || part.querySelector("details[open]")) return; // it is being filled in
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    part.className = next.className;
    part.replaceChildren(...document.adoptNode(next).childNodes);
    // By what it is, not by its place: rows change their order, and what is in <noscript> counts only in a parsed page.
    const name = (each) => each.tagName + (each.getAttribute("href") || each.textContent);
    if (held) ([...part.querySelectorAll("a, button, summary")].find((each) => name(each) === name(held)) || main()).focus();
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden && main().dataset.refresh) refresh(); });
  plan();
})();
