//! The program: its command line. What each command does is in `commands`, one file each.

mod commands;
mod configuration;
mod control;
mod handover;
mod limits;
mod logging;
mod output;
mod privileges;
mod sandbox;
mod signals;
mod sockets;
mod supervisor;
mod systemd;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "rempart", version, about = "The edge network that you own")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve: a supervisor and its edge, until told to stop.
    Up(commands::up::Up),
    /// Serve one origin without a configuration file.
    Proxy(commands::proxy::Proxy),
    /// Check a configuration and list every problem in it.
    Check(commands::check::Check),
    /// Tell a running edge what to do.
    Ctl(commands::ctl::Ctl),
    /// Have another program take over, while visitors are served.
    Upgrade(commands::upgrade::Upgrade),
    /// Say how a running edge is doing.
    Status(commands::status::Status),
    /// Show live what a running edge does.
    Top(commands::top::Top),
    /// Show what rules have decided about requests lately.
    Events(commands::events::Events),
    /// Tell the whole story of one request that was logged.
    Explain(commands::explain::Explain),
    /// Find out what rules do.
    Rules(commands::rules::Rules),
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Print the reference of the configuration in Markdown.
    Reference,
    /// Replay public outages against this program.
    #[cfg(feature = "fault")]
    Drill(commands::drill::Drill),
    #[command(hide = true)]
    Edge(commands::edge::Edge),
    #[command(hide = true)]
    Taste(commands::taste::Taste),
}

fn main() -> ExitCode {
    let ended = match CommandLine::parse().command {
        Command::Up(up) => up.run(),
        Command::Proxy(proxy) => proxy.run(),
        Command::Check(check) => check.run(),
        Command::Ctl(ctl) => ctl.run(),
        Command::Upgrade(upgrade) => upgrade.run(),
        Command::Status(status) => status.run(),
        Command::Top(top) => top.run(),
        Command::Events(events) => events.run(),
        Command::Explain(explain) => explain.run(),
        Command::Rules(rules) => rules.run(),
        Command::Schema => commands::schema::run(),
        Command::Reference => commands::reference::run(),
        #[cfg(feature = "fault")]
        Command::Drill(drill) => drill.run(),
        Command::Edge(edge) => edge.run(),
        Command::Taste(taste) => taste.run(),
    };
    output::exit_code(ended)
}
