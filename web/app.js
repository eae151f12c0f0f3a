// The page people watch on: a few views over the API, chosen by what stands behind # in the address.

const WORDS = {
  feed: ["Latest", "最新"], popular: ["Popular", "热门"], search: ["Search videos", "搜索视频"], found: ["Found", "搜索结果"],
  upload: ["Upload", "投稿"], login: ["Log in", "登录"], logout: ["Log out", "退出"], register: ["Sign up", "注册"],
  username: ["User name", "用户名"], password: ["Password", "密码"], code: ["MFA code, if bound", "二步验证码（如已绑定）"],
  noAccount: ["No account yet? Sign up", "没有账号？注册"], file: ["Video file", "视频文件"], title: ["Title", "标题"],
  description: ["Description", "简介"], publish: ["Publish", "发布"], published: ["Published", "发布成功"],
  views: ["views", "次播放"], likes: ["likes", "赞"], comments: ["Comments", "评论"], say: ["Say something", "说点什么"],
  send: ["Send", "发送"], reply: ["Reply", "回复"], replies: ["Replies", "回复"], remove: ["Delete", "删除"],
  follow: ["Follow", "关注"], unfollow: ["Following", "已关注"], followers: ["followers", "粉丝"], following: ["following", "关注"],
  videos: ["videos", "视频"], theirs: ["Videos", "视频"], more: ["More", "更多"], nothing: ["Nothing here yet.", "这里还什么都没有。"], none: ["Nothing found.", "没有找到。"],
  sure: ["Delete this?", "确定删除？"], offline: ["The site does not answer.", "无法连接到站点。"], other: ["中文", "English"],
  avatar: ["Change avatar", "更换头像"], noView: ["There is no such page.", "没有这个页面。"],
};
let chinese = (localStorage.lang ?? navigator.language).startsWith("zh");
const t = (word) => WORDS[word][chinese ? 1 : 0];
/** A number with its word: "1 like", "2 likes". */
const count = (number, word) => `${number} ${number === 1 && !chinese ? t(word).replace(/s$/, "") : t(word)}`;
const me = () => (localStorage.me ? JSON.parse(localStorage.me) : null);
const $ = (id) => document.getElementById(id);

/** Makes an element. Texts go in as texts, never as HTML. */
function h(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  setTimeout(() => $("toast").classList.remove("shown"), 2500);
}

function tokens() {
  return localStorage.access ? { "Access-Token": localStorage.access, "Refresh-Token": localStorage.refresh } : {};
}

function forget() {
  for (const name of ["access", "refresh", "me"]) localStorage.removeItem(name);
}

/** Calls an operation; GET and DELETE take their fields from the query, the others as JSON or as a given form. */
async function api(method, path, fields = {}) {
  const query = method === "GET" || method === "DELETE";
  const form = fields instanceof FormData;
  const target = query ? `${path}?${new URLSearchParams(fields)}` : path;
  const headers = query || form ? tokens() : { ...tokens(), "Content-Type": "application/json" };
  const body = query ? undefined : form ? fields : JSON.stringify(fields);
  const answer = await fetch(target, { method, headers, body }).catch(() => null);
  const json = await answer?.json().catch(() => null);
  if (!json) throw new Error(t("offline"));
  keep(answer.headers);
  if ([11001, 11002, 11003].includes(json.base.code)) {
    forget();
    location.hash = "#/login";
  }
  if (json.base.code !== 10000) throw new Error(json.base.msg);
  return json.data;
}

function keep(headers) {
  const access = headers.get("Access-Token") ?? headers.get("New-Access-Token");
  if (access) localStorage.access = access;
  if (headers.get("Refresh-Token")) localStorage.refresh = headers.get("Refresh-Token");
}

/** Runs an action of the user; what goes wrong is shown. */
const act = (action) => async (event) => {
  event?.preventDefault();
  try {
    await action(event);
  } catch (error) {
    toast(error.message);
  }
};

const button = (text, action, className = "") => h("button", { className, type: "button", onclick: act(action) }, text);
const avatar = (url) => (url ? h("img", { className: "avatar", src: url, alt: "" }) : h("span", { className: "avatar" }));

function card(video) {
  return h("a", { className: "card", href: `#/video/${video.id}` },
    h("img", { src: video.cover_url, alt: "", loading: "lazy" }),
    h("div", {}, h("h3", { title: video.title }, video.title),
      h("p", { className: "dim" }, [count(video.visit_count, "views"), count(video.like_count, "likes"), video.created_at.slice(0, 10)].join(" · "))));
}

/** Loads the first page, and returns the place of a button that loads the next, as long as pages are full. */
async function pages(load, size, add) {
  const more = h("div", { className: "row" });
  let page = 0;
  const next = async () => {
    const items = await load(page);
    page += 1;
    await add(items);
    more.replaceChildren(...(items.length === size ? [button(t("more"), next)] : []));
  };
  await next();
  return more;
}

/** A heading and a grid of videos; `load` brings page after page. */
async function gallery(heading, load, size, empty = "nothing") {
  const grid = h("div", { className: "grid" });
  const more = await pages(load, size, (items) => grid.append(...items.map(card)));
  return [h("h2", {}, heading), grid.children.length ? grid : h("p", { className: "dim" }, t(empty)), more];
}

const SIZE = 20;
const paged = (path, fields = {}) => async (page) =>
  (await api("GET", path, { ...fields, page_num: page, page_size: SIZE })).items;

async function videoView(id) {
  const video = await api("GET", "/video/info", { video_id: id });
  const author = await api("GET", "/user/info", { user_id: video.user_id });
  const player = h("video", { src: video.video_url, poster: video.cover_url, controls: true, playsInline: true });
  player.addEventListener("play", () => api("POST", "/video/visit", { video_id: id }).catch(() => {}), { once: true });
  const remove = async () => {
    if (!confirm(t("sure"))) return;
    await api("DELETE", "/video/delete", { video_id: id });
    location.hash = "#/";
  };
  const details = h("div", {}, player, h("h2", {}, video.title),
    h("div", { className: "row" },
      h("a", { className: "row", href: `#/user/${author.id}` }, avatar(author.avatar_url), author.username),
      author.id === me()?.id ? button(t("remove"), remove) : await followButton(author.id),
      likeButton({ video_id: id }, video.like_count, await mine("/like/list", id)),
      h("span", { className: "dim" }, `${count(video.visit_count, "views")} · ${video.created_at}`)),
    h("p", { className: "box" }, video.description || "…"));
  return [h("div", { className: "player" }, details, await comments(video))];
}

/** Whether a list of mine has this id among its latest 100. */
async function mine(path, id) {
  if (!me()) return false;
  const { items } = await api("GET", path, { user_id: me().id, page_num: 0, page_size: 100 });
  return items.some((item) => item.id === id);
}

/** Likes at one press and takes it back at the next. `on`: it is liked already. */
function likeButton(target, likes, on = false, className = "") {
  const others = likes - (on ? 1 : 0);
  const label = () => `${on ? "♥" : "♡"} ${others + (on ? 1 : 0)}`;
  const element = button(label(), async () => {
    await api("POST", "/like/action", { ...target, action_type: on ? 2 : 1 });
    on = !on;
    element.textContent = label();
  }, className);
  element.title = t("likes");
  return element;
}

async function followButton(id) {
  let on = await mine("/following/list", id);
  const label = () => t(on ? "unfollow" : "follow");
  const element = button(label(), async () => {
    await api("POST", "/relation/action", { to_user_id: id, action_type: on ? 1 : 0 });
    on = !on;
    element.textContent = label();
  });
  return element;
}

/** The comments of a video with a form to add one. */
async function comments(video) {
  const names = new Map();
  const name = async (id) => {
    if (!names.has(id)) names.set(id, api("GET", "/user/info", { user_id: id }).then((user) => user.username, () => "?"));
    return names.get(id);
  };
  const load = async (place, fields) => {
    const list = h("div");
    const add = async (items) => list.append(...await Promise.all(items.map(one)));
    place.replaceChildren(list, await pages(paged("/comment/list", fields), SIZE, add));
  };
  const writer = (fields, place) => {
    const input = h("input", { placeholder: t("say"), required: true, maxLength: 1000 });
    const send = act(async () => {
      await api("POST", "/comment/publish", { ...fields, content: input.value });
      input.value = "";
      await load(place, fields);
    });
    return h("form", { className: "row", onsubmit: send }, input, h("button", { className: "main" }, t("send")));
  };
  const one = async (comment) => {
    const below = h("div");
    const fields = { comment_id: comment.id };
    const element = h("div", { className: "comment" },
      h("a", { href: `#/user/${comment.user_id}` }, h("b", {}, await name(comment.user_id))),
      h("p", {}, comment.content),
      h("div", { className: "row" }, likeButton(fields, comment.like_count, false, "plain"),
        button(comment.child_count ? `${t("replies")} (${comment.child_count})` : t("reply"), async () => {
          const replies = h("div");
          below.replaceChildren(replies, writer(fields, replies));
          await load(replies, fields);
        }, "plain"),
        comment.user_id === me()?.id
          ? button(t("remove"), async () => { await api("DELETE", "/comment/delete", fields); element.remove(); }, "plain") : null,
        h("span", { className: "dim" }, comment.created_at)),
      below);
    return element;
  };
  const list = h("div");
  await load(list, { video_id: video.id });
  return h("section", { className: "box" }, h("h3", {}, t("comments")), writer({ video_id: video.id }, list), list);
}

async function userView(id) {
  const user = await api("GET", "/user/info", { user_id: id });
  const picker = h("input", { type: "file", accept: "image/*", hidden: true });
  picker.addEventListener("change", act(async () => {
    const form = new FormData();
    form.append("data", picker.files[0]);
    await api("PUT", "/user/avatar/upload", form);
    show();
  }));
  const own = user.id === me()?.id;
  const numbers = ["video", "like", "follower", "following"].map((what) =>
    count(user[`${what}_count`], { video: "videos", like: "likes", follower: "followers", following: "following" }[what]));
  return [h("div", { className: "row" }, avatar(user.avatar_url), h("h2", {}, user.username),
    own ? button(t("avatar"), async () => picker.click()) : await followButton(id), picker,
    h("span", { className: "dim" }, numbers.join(" · "))),
  ...await gallery(t("theirs"), paged("/video/list", { user_id: id }), SIZE)];
}

function field(name, props = {}) {
  return h("input", { name, placeholder: t(name), ariaLabel: t(name), ...props });
}

function loginView(kind) {
  const submit = act(async (event) => {
    const fields = Object.fromEntries(new FormData(event.target));
    if (kind === "register") await api("POST", "/user/register", fields);
    localStorage.me = JSON.stringify(await api("POST", "/user/login", fields));
    location.hash = "#/";
  });
  return [h("form", { className: "box", onsubmit: submit }, h("h2", {}, t(kind)),
    field("username", { required: true, maxLength: 32, autocomplete: "username" }),
    field("password", { type: "password", required: true, minLength: 8, maxLength: 72, autocomplete: kind === "login" ? "current-password" : "new-password" }),
    kind === "login" ? field("code", { inputMode: "numeric", maxLength: 6, autocomplete: "one-time-code" }) : null,
    h("button", { className: "main" }, t(kind)),
    kind === "login" ? h("a", { className: "dim", href: "#/register" }, t("noAccount")) : null)];
}

function uploadView() {
  const bar = h("progress", { max: 1, value: 0, hidden: true });
  const submit = act((event) => new Promise((done, fail) => {
    const form = new FormData(event.target);
    const send = event.target.querySelector("button");
    // fetch does not tell how far an upload is.
    const request = new XMLHttpRequest();
    request.open("POST", "/video/publish");
    for (const [name, value] of Object.entries(tokens())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (progress) => { bar.value = progress.loaded / progress.total; };
    request.onerror = () => fail(new Error(t("offline")));
    request.onload = () => {
      if (request.response?.base.code !== 10000) return fail(new Error(request.response?.base.msg ?? t("offline")));
      toast(t("published"));
      location.hash = `#/user/${me().id}`;
      done();
    };
    request.onloadend = () => { send.disabled = false; bar.hidden = true; };
    send.disabled = true;
    bar.hidden = false;
    request.send(form);
  }));
  return [h("form", { className: "box", onsubmit: submit }, h("h2", {}, t("upload")),
    field("title", { required: true, maxLength: 100 }), h("textarea", { name: "description", placeholder: t("description"), rows: 3 }),
    h("label", {}, t("file"), h("input", { name: "data", type: "file", accept: "video/*", required: true })),
    bar, h("button", { className: "main" }, t("publish")))];
}

const VIEWS = {
  "": () => gallery(t("feed"), async () => (await api("GET", "/video/feed")).items),
  popular: () => gallery(t("popular"), paged("/video/popular"), SIZE),
  search: (words) => gallery(`${t("found")}: ${words}`, async (page) =>
    (await api("POST", "/video/search", { keywords: words, page_num: page, page_size: SIZE })).items, SIZE, "none"),
  video: videoView, user: userView, upload: uploadView,
  login: () => loginView("login"), register: () => loginView("register"),
};

function navigation(view, argument) {
  const link = (view) => h("a", { href: `#/${view}` }, t(view));
  const user = me();
  const leave = async () => {
    await api("POST", "/auth/logout").catch(() => {});
    forget();
    location.hash = "#/";
    show();
  };
  const language = () => {
    chinese = !chinese;
    localStorage.lang = chinese ? "zh" : "en";
    show();
  };
  const own = user ? [link("upload"), h("a", { href: `#/user/${user.id}` }, user.username), button(t("logout"), leave, "plain")]
    : [link("login")];
  $("nav").replaceChildren(link("popular"), ...own, button(t("other"), async () => language(), "plain"));
  $("search").keywords.placeholder = t("search");
  $("search").keywords.value = view === "search" ? argument : "";
  document.documentElement.lang = chinese ? "zh-CN" : "en";
}

/** What the address asks for: the name of a view and its argument. */
function address() {
  const [view, argument = ""] = location.hash.replace(/^#\/?/, "").split("/", 2);
  try {
    return [view, decodeURIComponent(argument)];
  } catch {
    return [view, argument];
  }
}

let shown = 0;
async function show() {
  const turn = ++shown;
  const [view, argument] = address();
  navigation(view, argument);
  let parts;
  try {
    if (!Object.hasOwn(VIEWS, view)) throw new Error(t("noView"));
    parts = await VIEWS[view](argument);
  } catch (error) {
    parts = [h("p", { className: "box" }, error.message)];
  }
  if (turn !== shown) return;
  $("main").replaceChildren(...parts);
  const heading = $("main").querySelector("h2");
  document.title = heading ? `${heading.textContent} · FanOne` : "FanOne";
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = `#/search/${encodeURIComponent(event.target.keywords.value)}`;
});
addEventListener("hashchange", async () => {
  await show();
  scrollTo(0, 0);
});
show();
