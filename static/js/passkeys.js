// Passkeys: a form with data-passkey asks the browser to "get" or "create" one and posts what it answers.
const asked = async ({ dataset }) => {
  const data = dataset.from
    ? await (await fetch(dataset.from, { headers: { Accept: "application/json" } })).json()
    : JSON.parse(document.getElementById("js_data").textContent);
  return (data.request_options ?? data.creation_options).publicKey;
};

const answer = async (form) => {
  const options = await asked(form);
  if (form.dataset.passkey === "get") {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  }
  const alone = form.elements.passwordless.checked;
  Object.assign(options.authenticatorSelection, {
    residentKey: alone ? "required" : "discouraged",
    requireResidentKey: alone,
    ...(alone && { userVerification: "required" }),
  });
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
};

for (const form of document.querySelectorAll("[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      form.elements.credential.value = JSON.stringify((await answer(form)).toJSON());
      form.submit();
    } catch {
      form.querySelector(".error[hidden]")?.removeAttribute("hidden");
    }
  });
}
