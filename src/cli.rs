//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use fanone_config::{ConfigErrors, Role, Settings, environment};

use crate::{outside, reindex, seed, shard, site};

/// A video site as micro-services, in one program.
///
/// Without a command the whole site runs in one process. Settings come from the embedded defaults,
/// then --config FILE, then FANONE_<SECTION>__<KEY> in the environment, then the documents at config.url for those that
/// change while it runs; `fanone config` shows them.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// A TOML file with settings
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole site (the default)
    All,
    /// Run the user service: accounts, tokens, MFA, avatars
    User,
    /// Run the video service: videos, feed, ranking, search
    Video,
    /// Run the interaction service: likes and comments
    Interaction,
    /// Run the social service: follows, chat, groups
    Social,
    /// Run the HTTP front
    Http,
    /// Show the settings in force and where each came from, secrets masked
    Config {
        /// With the document of this role alone; without it, those of all roles
        role: Option<Role>,
    },
    /// Make the key files that production mode asks for
    Keys {
        /// The folder for them; files that exist are left alone
        folder: PathBuf,
        /// A foreign program, as in identity.clients, that gets a key pair too; can be given several times
        #[arg(long = "client", value_name = "NAME")]
        clients: Vec<String>,
    },
    /// Bring the databases of all services up to date; safe beside a running site, and to repeat
    Migrate,
    /// Make the index of vectors in Milvus anew from the database, beside a running site
    Reindex,
    /// Look after the shards of a service
    #[command(subcommand)]
    Shard(shard::Command),
    /// Fill a running site with a small world: users, videos, likes, comments, follows, chats; or databases with many rows
    Seed(seed::Options),
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let config = cli.config.as_deref();
    let roles = match cli.command.unwrap_or(Command::All) {
        Command::All => Role::ALL.to_vec(),
        Command::User => vec![Role::User],
        Command::Video => vec![Role::Video],
        Command::Interaction => vec![Role::Interaction],
        Command::Social => vec![Role::Social],
        Command::Http => vec![Role::Http],
        Command::Config { role } => {
            let roles = role.map_or_else(|| Role::ALL.to_vec(), |role| vec![role]);
            return runtime()?.block_on(show(&settings(config)?, &roles));
        }
        Command::Keys { folder, clients } => {
            fanone_identity::keys::generate_all(&folder)?;
            if let Some(name) = clients.iter().find(|name| !fanone_config::is_client(name)) {
                anyhow::bail!("{name:?} is no name for a client; expected {}", fanone_config::CLIENT_NAMES);
            }
            fanone_identity::keys::generate_for(&folder, &clients)?;
            println!("The keys are in {}. Keep the .key files secret.", folder.display());
            return Ok(());
        }
        Command::Migrate => return runtime()?.block_on(outside::migrate(&settings(config)?)),
        Command::Reindex => return runtime()?.block_on(reindex::run(&settings(config)?)),
        Command::Shard(command) => return runtime()?.block_on(shard::run(&settings(config)?, command)),
        Command::Seed(options) => {
            let settings = || settings(config);
            return runtime()?.block_on(seed::run(options, settings));
        }
    };
    match Settings::load(config, environment()) {
        Ok(settings) => runtime()?.block_on(site::run(settings, &roles)),
        Err(errors) => Err(runtime()?.block_on(with_faults_of_servers(errors, config, &roles)).into()),
    }
}

/// Prints the settings of `roles`; what is wrong with their documents goes to standard error.
async fn show(settings: &Settings, roles: &[Role]) -> anyhow::Result<()> {
    let (in_force, problems) = fanone_live::preview(settings, roles).await?;
    problems.iter().for_each(|problem| eprintln!("fanone: {problem}"));
    print!("{}", in_force.render());
    Ok(())
}

/// All that stands in the way of a start, in one message: the faulty settings, and what the servers say to the others.
async fn with_faults_of_servers(errors: ConfigErrors, config: Option<&Path>, roles: &[Role]) -> ConfigErrors {
    match Settings::sound(config, environment()) {
        Some(sound) => {
            let more = outside::faults(&sound, roles, &errors).await;
            errors.and(more)
        }
        None => errors,
    }
}

fn settings(file: Option<&Path>) -> anyhow::Result<Settings> {
    Ok(Settings::load(file, environment())?)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
