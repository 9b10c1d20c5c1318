// Lets a person choose a saved file with the browser's own dialog.

const ACCEPTED = ".html,text/html";

/** Let a person choose a file, and call `open(file)` with it. */
export function chooseFile(open) {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: ACCEPTED });
  input.onchange = () => input.files.length > 0 && open(input.files[0]);
  input.click();
}
