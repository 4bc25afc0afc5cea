"use strict";
// The page is whole without this script: all pictures side by side, and the frames of each film in a row.
document.documentElement.classList.add("js");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const FRAME_MS = 350;

function compare(box) {
  const split = box.querySelector(".split");
  const choice = box.parentElement.querySelector(".choice");
  split.hidden = false;

  function show() {
    const left = choice?.querySelector(":checked").value === "clean" ? "clean" : "before";
    box.classList.toggle("against-clean", left === "clean");
    box.style.setProperty("--split", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} % ${left}, ${100 - split.value} % after`);
  }

  // The range takes the keys; a pointer is followed here, since browsers disagree on what a tap on a range does.
  function follow(event) {
    const { left, width } = box.getBoundingClientRect();
    split.value = Math.round((100 * (event.clientX - left)) / width);
    show();
  }

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    split.focus({ preventScroll: true, focusVisible: false });
    follow(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) follow(event);
  });
  split.addEventListener("input", show);
  if (choice) {
    choice.hidden = false;
    choice.addEventListener("change", show);
  }
  show();
}

function film(figure) {
  const frames = [...figure.querySelectorAll(".strip img")];
  const stage = figure.querySelector(".stage");
  const play = figure.querySelector(".play");
  const scrub = figure.querySelector(".scrub");
  const output = figure.querySelector("output");
  const name = figure.dataset.name;
  let timer = null;

  function show(index) {
    const frame = frames[index];
    frames.forEach((each, k) => each.classList.toggle("current", k === index));
    stage.src = frame.src;
    stage.alt = frame.alt;
    scrub.value = index;
    scrub.setAttribute("aria-valuetext", `node ${frame.dataset.n}`);
    output.value = `n = ${frame.dataset.n}`;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-label", `Play the film of ${name}`);
  }

  function start() {
    if (Number(scrub.value) === frames.length - 1) show(0);
    timer = setInterval(() => {
      show(Number(scrub.value) + 1);
      if (Number(scrub.value) === frames.length - 1) stop();
    }, FRAME_MS);
    play.textContent = "Pause";
    play.setAttribute("aria-label", `Pause the film of ${name}`);
  }

  const toggle = () => (timer === null ? start() : stop());

  play.addEventListener("click", toggle);
  scrub.addEventListener("input", () => {
    stop();
    show(Number(scrub.value));
  });
  scrub.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  frames.forEach((frame, index) =>
    frame.addEventListener("click", () => {
      stop();
      show(index);
      scrub.focus({ preventScroll: true, focusVisible: false });
    }),
  );
  figure.querySelectorAll("[hidden]").forEach((each) => (each.hidden = false));
  show(frames.length - 1);
  playOnceSeen(figure, () => timer === null && start());
}

/** The first time that a film comes into view it plays by itself, unless its reader wants no motion. */
function playOnceSeen(figure, start) {
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      if (!calm.matches) start();
    },
    { threshold: 0.6 },
  );
  observer.observe(figure);
}

document.querySelectorAll(".compare").forEach(compare);
document.querySelectorAll(".film").forEach(film);
