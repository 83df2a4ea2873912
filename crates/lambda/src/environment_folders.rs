//! What an environment sees of files: the function's code, its layers, and the bootstraps that run it.

use crate::{
    Lambda, archive,
    runtimes::Program,
    state::{LayerVersion, Version},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Language, WorkerFile, python_sdk};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

const PYTHON: &str = include_str!("bootstraps/bootstrap.py");
const NODE: &str = include_str!("bootstraps/bootstrap.mjs");
const RUBY: &str = include_str!("bootstraps/bootstrap.rb");
/// Starts the extensions of layers, and becomes the program.
const START: &str = include_str!("bootstraps/start.sh");
const JAVA: [(&str, &str); 5] = [
    ("Bootstrap.java", include_str!("bootstraps/java/Bootstrap.java")),
    ("Handler.java", include_str!("bootstraps/java/Handler.java")),
    ("Invocation.java", include_str!("bootstraps/java/Invocation.java")),
    ("Beans.java", include_str!("bootstraps/java/Beans.java")),
    ("Json.java", include_str!("bootstraps/java/Json.java")),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the folder with what a digest was made of.
fn folder(kind: &str, of: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in of {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    format!("{kind}-{}", hex(digest.get(..16).unwrap_or_default()))
}

impl Lambda {
    /// The folder with what runs the code of a language. That for Java is compiled first.
    pub async fn bootstrap_folder(&self, program: &Program) -> Result<String, Fault> {
        let file = |path: &str, text: &'static str| WorkerFile { path: path.into(), content: text.into(), executable: false };
        let scripts = [("bootstrap.py", PYTHON), ("index.mjs", NODE), ("bootstrap.rb", RUBY), ("start.sh", START), python_sdk::MODULE];
        let java = match program {
            Program::Interpreted(Language::Java, interpreter) => Some(interpreter),
            _ => None,
        };
        let mut of: Vec<&str> = scripts.iter().map(|(_, text)| *text).collect();
        if let Some(java) = java {
            of.extend(JAVA.iter().map(|(_, text)| *text));
            of.push(&java.program);
        }
        let name = folder("bootstrap", &of);
        if !self.workers.has_folder(&name) {
            let mut files: Vec<WorkerFile> = scripts.iter().map(|(path, text)| file(path, text)).collect();
            if let Some(java) = java {
                let sources = JAVA.iter().map(|(path, text)| file(path, text)).collect();
                files.extend(self.workers.compiled(java, sources).await.map_err(Fault::internal)?);
            }
            self.workers.put_folder(&name, files).await.map_err(Fault::internal)?;
        }
        Ok(name)
    }

    /// The folder with a version's code.
    pub async fn code_folder(&self, version: &Version) -> Result<String, Fault> {
        if let Some(folder) = &version.mounted {
            return Ok(folder.clone());
        }
        let name = folder("code", &[version.sha256()]);
        if !self.workers.has_folder(&name) {
            let bytes = self.read_code(&version.code).await?;
            let files = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
            self.workers.put_folder(&name, files.map_err(|_| Fault::internal("a damaged archive"))?).await.map_err(Fault::internal)?;
        }
        Ok(name)
    }

    /// The folder with all layers of a version, a later one replacing files of an earlier; and the extensions in it.
    pub async fn layers_folder(&self, version: &Version) -> Result<(String, Vec<String>), Fault> {
        let arns = version.configuration.layers.iter().flatten().filter_map(|layer| layer.arn.as_deref());
        let keys: Vec<_> = arns.filter_map(crate::names::layer_version).collect();
        let layers: Vec<Arc<LayerVersion>> =
            self.store.read(|state| keys.iter().filter_map(|key| state.layers.get(key).or_else(|| state.deleted_layers.get(key)).cloned()).collect());
        let name = folder("layers", &layers.iter().map(|layer| layer.sha256.as_str()).collect::<Vec<_>>());
        if let Some(extensions) = self.environments.extensions.lock().get(&name).cloned().filter(|_| self.workers.has_folder(&name)) {
            return Ok((name, extensions));
        }
        let mut files: BTreeMap<String, WorkerFile> = BTreeMap::new();
        for layer in &layers {
            let bytes = self.read_code(&layer.code).await?;
            let unpacked = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
            let unpacked = unpacked.map_err(|_| Fault::internal("a damaged archive"))?;
            files.extend(unpacked.into_iter().map(|file| (file.path.clone(), file)));
        }
        let of_extension =
            |file: &WorkerFile| file.path.strip_prefix("extensions/").filter(|name| file.executable && !name.contains('/')).map(str::to_owned);
        let extensions: Vec<String> = files.values().filter_map(of_extension).collect();
        self.workers.put_folder(&name, files.into_values().collect()).await.map_err(Fault::internal)?;
        self.environments.extensions.lock().insert(name.clone(), extensions.clone());
        Ok((name, extensions))
    }
}
