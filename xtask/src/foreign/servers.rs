//! The servers: how each is installed and started.

use std::{error::Error, fmt, fs::File, process::Command};

use super::{folder, wire::KEY};
use crate::{
    npm::Npm,
    python::{Packages, Python},
    served::Served,
    task::root,
};

const LLAMA: Packages = Packages { file: "xtask/foreign/llama.txt", alone: true };
const LITELLM: Packages = Packages { file: "xtask/foreign/litellm.txt", alone: true };
const AIMOCK: &str = "@copilotkit/aimock@1.43.0";

/// A server of other people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Server {
    /// llama.cpp's, with a small model.
    Llama,
    /// LiteLLM's proxy, before llama.cpp's server.
    #[value(name = "litellm")]
    LiteLlm,
    /// A mock of many APIs.
    Aimock,
}

/// One that serves, with the one behind it.
pub(super) struct Running {
    server: Served,
    behind: Option<Served>,
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::Llama, Self::LiteLlm, Self::Aimock];

    /// Installs it under `target/`, once, and starts it.
    pub(super) fn start(self) -> Result<Running, Box<dyn Error>> {
        let llama = Python::with_packages(folder("llama"), &LLAMA, |_| Ok(()))?;
        match self {
            Self::Llama => Ok(Running { server: start_llama(&llama)?, behind: None }),
            Self::LiteLlm => {
                let litellm = Python::with_packages(folder("litellm"), &LITELLM, |_| Ok(()))?;
                let behind = start_llama(&llama)?;
                let mut serve = litellm.script("xtask/foreign/serve.py");
                serve.arg("/health/liveliness").arg(litellm.folder("bin/litellm"));
                serve.arg("--config").arg(root().join("xtask/foreign/litellm.yaml"));
                serve.args(["--host", "127.0.0.1", "--port", "{port}"]);
                // Its prices are not needed, and would come from the internet.
                serve.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_MASTER_KEY", KEY);
                serve.env("BEHIND", format!("{}/v1", behind.url()));
                Ok(Running { server: quietly("LiteLLM", &mut serve)?, behind: Some(behind) })
            }
            Self::Aimock => {
                let npm = Npm::with_packages(folder("aimock"), &[AIMOCK])?;
                let program = npm.file("@copilotkit/aimock/dist/cli.js");
                let mut serve = llama.script("xtask/foreign/serve.py");
                serve.args(["/health", "node"]).arg(program).args(["--port", "{port}", "--strict"]);
                serve.arg("--fixtures").arg(root().join("xtask/foreign/aimock.json"));
                Ok(Running { server: quietly("aimock", &mut serve)?, behind: None })
            }
        }
    }
}

impl Running {
    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    pub(super) fn finish(self) -> Result<(), Box<dyn Error>> {
        self.server.finish()?;
        self.behind.map_or(Ok(()), |behind| behind.finish().map(drop))
    }
}

fn start_llama(python: &Python) -> Result<Served, Box<dyn Error>> {
    let mut serve = python.script("xtask/foreign/llama.py");
    serve.arg(python.folder("lib")).arg(root().join("xtask/foreign/template.jinja"));
    quietly("llama.cpp", &mut serve)
}

/// Starts a server that tells much: that goes to a file.
fn quietly(name: &str, program: &mut Command) -> Result<Served, Box<dyn Error>> {
    let log = folder(&format!("{name}.log"));
    program.stderr(File::create(&log)?);
    Served::start(name, program, "").map_err(|error| format!("{error}: {}", log.display()).into())
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Llama => "llama.cpp",
            Self::LiteLlm => "LiteLLM before llama.cpp",
            Self::Aimock => "aimock",
        })
    }
}
