"""React for the tests of the panel, made of its npm packages, and JSX made into what a browser runs."""

from __future__ import annotations

import json
import subprocess

from browsing import node_modules

COMPILE = """
const { JsxEmit, ModuleKind, ScriptTarget, transpileModule } = require(process.argv[1]);
const compilerOptions = { jsx: JsxEmit.React, module: ModuleKind.ES2022, target: ScriptTarget.ES2022, reportDiagnostics: true };
const { outputText, diagnostics } = transpileModule(require("fs").readFileSync(0, "utf8"), { compilerOptions, reportDiagnostics: true, fileName: "recipe.jsx" });
process.stdout.write(JSON.stringify([outputText, diagnostics.map((found) => found.messageText)]));
"""


def react_script() -> str | None:
    """Return React as a script that sets two globals, made of its npm packages; ``None`` = they are not there."""
    files = {
        "react": node_modules("react", "cjs", "react.production.js"),
        "scheduler": node_modules("scheduler", "cjs", "scheduler.production.js"),
        "react-dom": node_modules("react-dom", "cjs", "react-dom.production.js"),
        "react-dom/client": node_modules("react-dom", "cjs", "react-dom-client.production.js"),
    }
    parts = [
        f"{name!r}: (module, exports) => {{ {path.read_text('utf-8')} }}" for name, path in files.items() if path is not None
    ]
    if len(parts) < len(files):
        return None
    require = """
      const known = {};
      globalThis.process ??= { env: { NODE_ENV: "production" } };
      globalThis.require = (name) => {
        if (!known[name]) { known[name] = { exports: {} }; parts[name](known[name], known[name].exports); }
        return known[name].exports;
      };
      globalThis.React = require("react");
      globalThis.ReactDOM = require("react-dom/client");
    """
    return f"const parts = {{ {', '.join(parts)} }};\n{require}"


def compiled(jsx: str) -> str | None:
    """Return JSX as a module that a browser runs where ``React`` is a global; ``None`` = the compiler is not there.

    Raises:
        AssertionError: It is no right JSX.
    """
    typescript = node_modules("typescript", "lib", "typescript.js")
    if typescript is None:
        return None
    done = subprocess.run(["node", "-e", COMPILE, str(typescript)], input=jsx, capture_output=True, encoding="utf-8", check=True)
    module, wrong = json.loads(done.stdout)
    assert not wrong, wrong
    return str(module)
