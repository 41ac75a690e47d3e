"use strict";

const MAX_BYTES = 64 * 2 ** 20;
const WARNINGS = {
  small: "The face is small in the photo.",
  turned: "The face is turned to a side.",
  cut: "Part of the face is outside the photo.",
};
const find = (id) => document.getElementById(id);

function make(parent, name, text = "", className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

const whole = (years) => String(Math.round(years));

function genderOf(face) {
  if (face.gender === null) return "";
  const female = face.gender >= 0.5;
  const share = Math.round(100 * (female ? face.gender : 1 - face.gender));
  return `${female ? "female" : "male"} ${share} %`;
}

function ageOf(face) {
  if (face.age === null) return "";
  const range = face.age_low === null ? "" : ` (${whole(face.age_low)} to ${whole(face.age_high)})`;
  return `${whole(face.age)}${range}`;
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
const describe = (face) => [genderOf(face), ageOf(face)].filter(Boolean).join(", ");

// Lists of the items with the same key, in the order in which the keys come.
function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    if (!groups.has(key(item))) groups.set(key(item), []);
    groups.get(key(item)).push(item);
  }
  return [...groups.values()];
}

// The same face as several models see it, by its box: [title, face] of each.
function faces(models) {
  const all = Object.entries(models).flatMap(([title, list]) => list.map((face) => [title, face]));
  return groupBy(all, ([, face]) => String(face.box));
}

function showPhoto(parent, address, answer, found) {
  const photo = make(parent, "div", "", "photo");
  const image = make(photo, "img");
  image.src = address;
  image.alt = `The photo, ${found.length} ${found.length === 1 ? "face" : "faces"} found`;
  const share = (pixels, side) => `${(100 * pixels) / side}%`;
  found.forEach((seen, index) => {
    const [, face] = seen[0];
    const [x, y, width, height] = face.box;
    const box = make(photo, "div", "", "box");
    box.style.left = share(x, answer.width);
    box.style.top = share(y, answer.height);
    box.style.width = share(width, answer.width);
    box.style.height = share(height, answer.height);
    const several = found.length > 1;
    const tag = make(photo, "span", several ? `${index + 1}` : "", "tag");
    make(tag, "span", `${several ? ": " : ""}${describe(face)}`, several ? "words" : "");
    // Above the box; in it where there is no room; to the left from its right edge where it would stick out.
    const left = x + width / 2 > answer.width / 2;
    tag.classList.toggle("left", left);
    tag.classList.toggle("inside", y < 0.08 * answer.height);
    const edge = Math.min(Math.max(left ? x + width : x, 0), answer.width);
    tag.style.left = share(edge, answer.width);
    tag.style.top = share(Math.max(y, 0), answer.height);
  });
}

function showFace(parent, seen, index, count) {
  const card = make(parent, "article", "", "face");
  make(card, "h3", count > 1 ? `Face ${index + 1}` : "The face");
  // Models that learned from photos of another framing see another crop.
  for (const same of groupBy(seen, ([, face]) => face.crop)) {
    const answers = make(card, "div", "", "answers");
    const [, first] = same[0];
    const crop = make(answers, "img");
    crop.src = first.crop;
    crop.alt = `What ${same.map(([title]) => title).join(" and ")} saw of this face`;
    const words = make(answers, "div");
    const list = make(words, "dl");
    for (const [title, face] of same) {
      make(list, "dt", title);
      make(list, "dd", describe(face));
    }
    const warnings = first.warning.split(" ").filter(Boolean).map((name) => WARNINGS[name]);
    if (warnings.length) make(words, "p", warnings.join(" "), "warning");
  }
}

function show(name, address, answer) {
  const result = document.createElement("article");
  result.className = "result";
  make(result, "h2", name);
  const found = faces(answer.models || {});
  if (answer.problem) make(result, "p", sentence(answer.problem), "problem");
  if (answer.width) showPhoto(result, address, answer, found);
  const list = make(result, "div", "", "faces");
  found.forEach((seen, index) => showFace(list, seen, index, found.length));
  find("results").prepend(result);
}

async function ask(photo) {
  if (photo.size > MAX_BYTES) return { problem: "the photo is larger than 64 MiB" };
  try {
    const response = await fetch("/predict", { method: "POST", body: photo });
    return response.ok ? await response.json() : { problem: await response.text() };
  } catch {
    return { problem: "the program does not answer; is it still running?" };
  }
}

// One after another, in the order in which they came.
let queue = Promise.resolve();
let waiting = 0;

function add(photo, name) {
  waiting += 1;
  queue = queue.then(async () => {
    find("status").textContent = `Looking at ${name}${waiting > 1 ? `, ${waiting - 1} more to come` : ""}`;
    show(name, URL.createObjectURL(photo), await ask(photo));
    waiting -= 1;
    if (!waiting) find("status").textContent = "";
  });
}

function addAll(files) {
  for (const file of files) add(file, file.name || "pasted photo");
}

find("files").addEventListener("change", (event) => {
  addAll(event.target.files);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
document.addEventListener("dragleave", () => find("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop").classList.remove("over");
  addAll(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => addAll(event.clipboardData.files));

let stream = null;

function stopCamera() {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  find("live").hidden = true;
}

find("camera").addEventListener("click", async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    find("video").srcObject = stream;
    find("live").hidden = false;
  } catch {
    find("status").textContent = "The webcam cannot be used: there is none, or the browser does not allow it.";
  }
});
find("stop").addEventListener("click", stopCamera);
find("shoot").addEventListener("click", () => {
  const video = find("video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((photo) => add(photo, "webcam photo"), "image/jpeg", 0.95);
});
