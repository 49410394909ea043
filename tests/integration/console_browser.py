#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_browser.py PROGRAM CONTRACT: a real browser with its virtual authenticator makes a passkey and signs in with it,
on a page of the console's own origin. Serves ACC-1."""
import json
import sys

import browser
from console_server import Console

failures = []

# The forms of WebAuthn as they are: nothing is converted on the way.
SCRIPT = """
const call = async (method, path, body, csrf) => {
    const headers = {'Content-Type': 'application/json'};
    if (csrf) headers['Sekisho-CSRF'] = csrf;
    const answer = await fetch(path, {method, headers: body || csrf ? headers : {},
                                      body: body ? JSON.stringify(body) : undefined});
    return {status: answer.status, json: answer.status === 204 ? null : await answer.json()};
};
const proof = (key) => ({id: key.id, clientData: key.response.clientDataJSON,
    authenticatorData: key.response.authenticatorData, signature: key.response.signature,
    userHandle: key.response.userHandle});
"""
MAKE = SCRIPT + """
const options = (await call('POST', '/api/v1/session/passkeys/options', null, CSRF)).json;
const key = (await navigator.credentials.create(
    {publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})).toJSON();
return await call('POST', '/api/v1/session/passkeys',
    {label: '画面の鍵', clientData: key.response.clientDataJSON, attestation: key.response.attestationObject}, CSRF);
"""
GET = """
const options = (await call('POST', '/api/v1/session/passkey')).json;
const key = (await navigator.credentials.get(
    {publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})).toJSON();
"""
OPEN = SCRIPT + GET + "return await call('PUT', '/api/v1/session/passkey', proof(key));"
SHOW = SCRIPT + "return await call('GET', '/api/v1/session');"
CONFIRM = SCRIPT + GET + "return await call('POST', '/api/v1/session/second-factor/passkey', proof(key), CSRF);"


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def give_session(page, console, session):
    page.call("Network.setCookie", name="__Host-sekisho", value=session["token"], path="/", secure=True, httpOnly=True,
              sameSite="Strict", url=f"https://localhost:{console.people_port}/")


def with_csrf(script, session):
    return f"const CSRF = {json.dumps(session['csrf'])}; {script}"


def check_passkey(page, console):
    person = console.person(("staff", console.facility("自院")))
    session = console.session(person)
    give_session(page, console, session)
    made = page.run(with_csrf(MAKE, session))
    check(isinstance(made, dict) and made["status"] == 201, f"the browser makes a passkey: {made}")
    page.call("Network.clearBrowserCookies")
    check(page.run(SHOW)["status"] == 401, "nobody is signed in")
    opened = page.run(OPEN)
    check(isinstance(opened, dict) and opened["status"] == 200 and opened["json"]["person"]["id"] == person,
          f"it signs in with it: {opened}")
    check(page.run(SHOW)["status"] == 200, "and its cookie opens what comes next")
    half = console.session(person, state="second-factor")
    give_session(page, console, half)
    confirmed = page.run(with_csrf(CONFIRM, half))
    check(isinstance(confirmed, dict) and confirmed["status"] == 200, f"a second factor it is, too: {confirmed}")
    return person


def check_unverified(page, authenticator):
    page.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=False)
    refused = page.run(OPEN)
    check("NotAllowedError" in str(refused), f"the browser asks who is there, and stops without an answer: {refused}")
    page.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=True)


def check_elsewhere(page, console):
    page.serve(f"https://127.0.0.1:{console.people_port}/page", "<title>elsewhere</title>")
    refused = page.run(OPEN)
    check("SecurityError" in str(refused), f"at another address the browser does not show the passkey: {refused}")


def main():
    if not browser.is_there():
        print("there is no chromium")
        return browser.SKIPPED
    with Console(sys.argv[1], sys.argv[2]) as console, browser.Browser() as page:
        page.call("Network.enable")
        page.call("WebAuthn.enable")
        authenticator = page.call("WebAuthn.addVirtualAuthenticator", options={
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True})["authenticatorId"]
        page.serve(f"https://localhost:{console.people_port}/page", "<title>the console</title>")
        check_passkey(page, console)
        check_unverified(page, authenticator)
        check_elsewhere(page, console)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
