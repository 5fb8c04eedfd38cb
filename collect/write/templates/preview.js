
const bar = document.getElementById("bar");
const button = bar.querySelector("button");
const ticked = () => [...document.querySelectorAll("input:checked")].map((box) => box.value);
const show = () => {
  const number = ticked().length;
  button.disabled = number === 0;
  bar.querySelector("[role=status]").textContent =
    number === 0 ? "Tick the photos that do not belong here." : number === 1 ? "1 photo ticked." : `${number} photos ticked.`;
};
bar.hidden = false;
document.addEventListener("change", show);
button.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(ticked().map((line) => `${line}\n`), { type: "text/plain" }));
  link.download = button.dataset.file;
  link.click();
});
