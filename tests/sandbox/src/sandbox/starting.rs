//! Bringing everything up.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

use super::{ACCOUNT, Folder, Options, Sandbox};
use crate::access::Access;
use crate::access_analyzer::AccessAnalyzer;
use crate::artifacts::{self, Artifacts};
use crate::automation::Automation;
use crate::call::{Gate, Player};
use crate::callers::Callers;
use crate::clock::Clock;
use crate::cloudtrail::CloudTrail;
use crate::config::Config;
use crate::directory::Directory;
use crate::emulator::{Emulator, installation_folder};
use crate::event_bus::EventBus;
use crate::faults::Faults;
use crate::functions::{FunctionSpec, Functions, Surroundings};
use crate::progress::Progress;
use crate::proxy::Proxy;
use crate::published::Published;
use crate::schedule::Schedules;
use crate::secrets::Secrets;
use crate::template::{Deployment, Scope};

impl Sandbox {
    /// Builds and synthesizes what has changed, deploys it, and starts everything; says on stderr what takes time.
    pub async fn start(options: Options) -> Result<Self> {
        Self::start_with(options, &Progress::default()).await
    }

    /// The same, with progress counted from an earlier beginning.
    pub async fn start_with(options: Options, progress: &Progress) -> Result<Self> {
        let artifacts = artifacts::make(&options.profile, progress).await?;
        let scope =
            Scope { account: ACCOUNT.to_owned(), region: artifacts.region.clone(), stack: artifacts.stack.clone() };
        let deployment = Deployment::read(&artifacts.template, scope)?;
        let folder = Folder::of_this_run()?;
        let clock = Clock::start(options.now, &folder.0)?;
        let emulator = Emulator::start(&installation_folder(), &clock).await?;
        emulator.set_hazards(&options.hazards).await?;
        deploy(&deployment, &emulator).await?;
        let directory = Directory::default();
        let access = Arc::new(Access::new(&deployment, directory.clone())?);
        let config = Arc::new(Config::new(&deployment, directory.clone(), options.tricks.clone()));
        let automation = Arc::new(Automation::new(&deployment, options.tricks.clone())?);
        let (faults, callers) = (Faults::default(), Callers::default());
        let gate: Arc<dyn Gate> = Arc::<Access>::clone(&access);
        let cloudtrail = Arc::new(CloudTrail::new(&deployment, directory.clone(), options.tricks.clone()));
        let published = Arc::new(Published::new(&deployment));
        let secrets = Arc::new(Secrets::new()?);
        let access_analyzer = Arc::new(AccessAnalyzer::new(deployment.scope.clone()));
        let players: Vec<Arc<dyn Player>> = vec![
            Arc::<Config>::clone(&config),
            Arc::<Automation>::clone(&automation),
            Arc::<CloudTrail>::clone(&cloudtrail),
            Arc::<Published>::clone(&published),
            Arc::<Secrets>::clone(&secrets),
            Arc::<AccessAnalyzer>::clone(&access_analyzer),
        ];
        let at = emulator.address();
        let proxy = Proxy::start(at, clock.clone(), callers.clone(), gate, players, faults.clone()).await?;
        let surroundings = Surroundings {
            account: ACCOUNT.to_owned(),
            region: deployment.scope.region.clone(),
            endpoint: proxy.address(),
            libfaketime: emulator.libfaketime().to_owned(),
            clock: clock.clone(),
            callers: callers.clone(),
            folder: folder.0.clone(),
        };
        let functions = Functions::start(specs(&deployment, &artifacts, &options)?, surroundings);
        let schedules = Schedules::new(&deployment, options.now)?;
        let event_bus = EventBus::new(&deployment);
        Ok(Self {
            options,
            deployment,
            binaries: artifacts.binaries.clone(),
            clock,
            directory,
            access,
            access_analyzer,
            config,
            automation,
            cloudtrail,
            event_bus,
            published,
            secrets,
            schedules,
            callers,
            faults,
            functions,
            proxy,
            emulator,
            invocations: Mutex::default(),
            failed_events: Mutex::default(),
            silent: AtomicBool::new(false),
            folder,
        })
    }
}

impl Folder {
    /// A new folder for the files of one sandbox.
    fn of_this_run() -> Result<Self> {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = format!("{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::SeqCst));
        let path = installation_folder().join("runs").join(run);
        std::fs::create_dir_all(&path).with_context(|| format!("failed to make `{}`", path.display()))?;
        Ok(Self(path))
    }
}

/// Puts into the emulator what it holds for the deployment.
async fn deploy(deployment: &Deployment, emulator: &Emulator) -> Result<()> {
    let region = &deployment.scope.region;
    for table in deployment.tables.values() {
        let create = emulator.json(region, "DynamoDB_20120810.CreateTable", &table.request).await;
        create.with_context(|| format!("failed to make table `{}`", table.name))?;
        if let Some(request) = table.time_to_live() {
            let update = emulator.json(region, "DynamoDB_20120810.UpdateTimeToLive", &request).await;
            update.with_context(|| format!("failed to let items of `{}` expire", table.name))?;
        }
    }
    for (arn, document) in &deployment.managed_policies {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let document = document.to_string();
        let create = emulator.iam("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document)]).await;
        create.with_context(|| format!("failed to make policy `{name}`"))?;
    }
    for parameter in deployment.parameters.values() {
        let put = emulator.json(region, "AmazonSSM.PutParameter", &parameter.request).await;
        put.with_context(|| format!("failed to make parameter `{}`", parameter.name))?;
    }
    Ok(())
}

/// A function's binary has the function's name without the deployment's prefix.
fn specs(deployment: &Deployment, artifacts: &Artifacts, options: &Options) -> Result<Vec<FunctionSpec>> {
    let mut specs = Vec::new();
    for function in deployment.functions.values() {
        let prefix = function.environment.get("CREDWARDEN_PREFIX").map(|prefix| format!("{prefix}-"));
        let short = prefix.and_then(|prefix| function.name.strip_prefix(prefix.as_str()));
        let short = short.with_context(|| format!("function `{}` has no `CREDWARDEN_PREFIX`", function.name))?;
        let binary = artifacts.binaries.get(short);
        let binary = binary.with_context(|| format!("no binary `{short}` for function `{}`", function.name))?;
        specs.push(FunctionSpec {
            name: function.name.clone(),
            binary: Path::to_owned(binary),
            environment: function.environment.clone(),
            timeout: options.function_timeout.unwrap_or(function.timeout),
            memory_mb: u32::try_from(function.memory_mb)?,
        });
    }
    Ok(specs)
}
