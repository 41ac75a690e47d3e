// What a reader would complain of on the open page, a line each.
(() => {
  const faults = [];
  const name = (element) => (element.textContent.trim() || element.outerHTML).slice(0, 60);
  const folded = (element) => element.closest("details:not([open])") !== null;
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0 && document.querySelector("main")) faults.push(`the page scrolls sideways by ${wide} pixels`);
  for (const each of document.querySelectorAll(".wide")) {
    if (!folded(each) && each.scrollWidth > each.clientWidth + 1) {
      faults.push(`a table is cut off on the right: ${name(each.querySelector("caption"))}`);
    }
  }

  // Pictures have something in them, and an alternative text.
  for (const image of document.querySelectorAll("img")) {
    if (!image.naturalWidth) faults.push(`an image is missing: ${image.src.slice(0, 60)}`);
    if (!image.alt) faults.push(`an image has no alternative text: ${image.src.slice(0, 60)}`);
  }
  for (const picture of document.querySelectorAll("[role=img]")) {
    if (!picture.getAttribute("aria-label") && picture.tagName === "DIV") {
      faults.push(`a figure has no alternative text: ${name(picture)}`);
    }
  }
  for (const svg of document.querySelectorAll("svg")) {
    // What Vega draws of data, not of axes and legends.
    const marks = svg.querySelectorAll(".role-mark path:not([d='']), .role-mark line");
    if (!marks.length) faults.push("an SVG draws nothing");
    if (svg.getBoundingClientRect().width < 200) faults.push("an SVG is too small to be read");
  }

  // Labels are large enough, on the page, and none lies over another.
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const labels = [...svg.querySelectorAll("text")]
      .filter((each) => each.textContent.trim() && getComputedStyle(each).opacity !== "0")
      .map((each) => [each.textContent.trim(), each.getBoundingClientRect(), each])
      .filter(([, box]) => box.width > 0);
    for (const [text, box, element] of labels) {
      const size = parseFloat(getComputedStyle(element).fontSize) * (element.getScreenCTM().a ** 2 + element.getScreenCTM().b ** 2) ** 0.5;
      if (size < 9) faults.push(`a label of ${size.toFixed(1)} pixels is too small: ${text}`);
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) {
        faults.push(`a label is cut off: ${text}`);
      }
    }
    // The boxes of slanted labels overlap where the labels do not.
    const upright = labels.filter(([, , element]) => Math.abs(element.getScreenCTM().b * element.getScreenCTM().a) < 0.01);
    for (const [number, [text, box]] of upright.entries()) {
      for (const [other, second] of upright.slice(number + 1)) {
        const across = Math.min(box.right, second.right) - Math.max(box.left, second.left);
        const down = Math.min(box.bottom, second.bottom) - Math.max(box.top, second.top);
        if (across > 1 && down > 3) faults.push(`a label lies over another: ${text}, ${other}`);
      }
    }
  }

  // Text stands out from its background (WCAG 2, contrast of at least 4.5).
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour.startsWith("rgb(")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || element.closest("script, style, metadata, defs")) continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    if (!colour.startsWith("rgb(")) continue;
    const [a, b] = [luminance(colour), luminance(background(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(`hard to read: ${name(element)} (contrast ${contrast.toFixed(1)})`);
  }
  return faults;
})()
