//! The terminal of a bastion that forwards nothing: a shell or a menu, and OpenSSH's client in it, which asks about the
//! host key and for the password in OpenSSH's words (version 9) and then leads into the unit's own terminal.

use std::collections::VecDeque;
use std::sync::Arc;

use russh::server::Msg;
use russh::{Channel, ChannelMsg};

use super::channel::Task;
use super::hop::Hop;
use super::keys;
use super::terminal::{Terminal, Typed};
use crate::lab::fault::Fault;
use crate::lab::rack::{Place, Reception, Shows, Visit};
use crate::model::inventory::Algorithms;

/// Passwords that the client asks for when nothing is said of it.
const TRIES: u32 = 3;
/// The exit status of a client that did not get through.
const FAILED: u32 = 255;
/// The prompt of the shell.
const PROMPT: &str = "bastion$ ";
/// The prompt of the menu.
const SELECT: &str = "Select> ";

/// The channel is gone, or whoever typed has left.
struct Gone;

/// What the client is told on its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    user: String,
    host: String,
    port: u32,
    tries: u32,
    /// Whether algorithms of ten years ago are allowed.
    legacy: bool,
}

/// Reads a command line of the client; `None` when it is none.
fn call(command: &str) -> Option<Call> {
    let mut words = command.split_whitespace().skip_while(|word| word.contains('=') || *word == "exec");
    if words.next() != Some("ssh") {
        return None;
    }
    let mut call = Call { user: String::new(), host: String::new(), port: 22, tries: TRIES, legacy: false };
    while let Some(word) = words.next() {
        match word {
            "-l" => words.next()?.clone_into(&mut call.user),
            "-p" => call.port = words.next()?.parse().ok()?,
            "-o" => {
                let option = words.next()?;
                call.legacy |= option.contains("+ssh-rsa");
                if let Some(tries) = option.strip_prefix("NumberOfPasswordPrompts=") {
                    call.tries = tries.parse().ok()?;
                }
            }
            "-e" | "-F" => drop(words.next()),
            _ if word.starts_with('-') => {}
            _ => word.clone_into(&mut call.host),
        }
    }
    if let Some((user, host)) = call.host.clone().rsplit_once('@') {
        (call.user, call.host) = (user.to_owned(), host.to_owned());
    }
    (!call.user.is_empty() && !call.host.is_empty()).then_some(call)
}

/// The terminal of one session channel.
pub(super) struct Desk {
    bastion: Arc<Hop>,
    channel: Channel<Msg>,
    terminal: Terminal,
    /// Bytes that were typed and not read.
    ahead: VecDeque<u8>,
    /// Lines of the terminal, when one was asked for.
    lines: Option<u16>,
}

impl Desk {
    pub(super) fn new(bastion: Arc<Hop>, channel: Channel<Msg>) -> Self {
        Self { bastion, channel, terminal: Terminal::default(), ahead: VecDeque::new(), lines: None }
    }

    /// Serves the channel to its end.
    pub(super) async fn run(mut self) {
        let menu = self.bastion.spec.menu;
        while let Some(message) = self.channel.wait().await {
            match message {
                ChannelMsg::RequestPty { row_height, .. } => {
                    self.lines = Some(u16::try_from(row_height).ok().filter(|lines| *lines > 1).unwrap_or(24));
                }
                ChannelMsg::RequestShell { .. } if menu => return self.menu().await,
                ChannelMsg::RequestShell { .. } => return self.shell().await,
                // The connection has said no.
                ChannelMsg::Exec { .. } if menu => {}
                ChannelMsg::Exec { command, .. } => {
                    let command = String::from_utf8_lossy(&command).into_owned();
                    return match call(&command) {
                        Some(call) => self.connect(call).await,
                        None => self.end(127).await,
                    };
                }
                ChannelMsg::Close => return,
                _ => {}
            }
        }
    }

    /// A shell that knows the client and nothing else.
    async fn shell(mut self) {
        loop {
            let Ok(()) = self.say(PROMPT).await else { return };
            let Ok(line) = self.read(true).await else { return self.end(0).await };
            match line.trim() {
                "" => {}
                "exit" | "logout" => return self.end(0).await,
                line => {
                    if let Some(call) = call(line) {
                        return self.connect(call).await;
                    }
                    let name = line.split_whitespace().next().unwrap_or_default();
                    let Ok(()) = self.say(&format!("-bash: {name}: command not found\n")).await else { return };
                }
            }
        }
    }

    /// One line for each unit, and the number that is typed for it.
    async fn menu(mut self) {
        let bastion = Arc::clone(&self.bastion);
        let units: Vec<_> = bastion.units().collect();
        let mut text = String::from("Units\n");
        for (number, place) in (1_usize..).zip(units.iter().map(|unit| unit.place)) {
            let address = place.spec().address.map(|address| address.to_string()).unwrap_or_default();
            text.push_str(&format!(" {number}) {} {address}\n", place.spec().hostname));
        }
        let Ok(()) = self.say(&text).await else { return };
        loop {
            let Ok(()) = self.say(SELECT).await else { return };
            let Ok(line) = self.read(true).await else { return self.end(0).await };
            let chosen = line.trim().parse::<usize>().ok().and_then(|number| units.get(number.checked_sub(1)?));
            let Some(unit) = chosen else { continue };
            let user = unit.place.spec().accounts.first().map(|account| account.user.clone()).unwrap_or_default();
            // Where Hoshu looks for it in a lab.
            let (host, port) = ("127.0.0.1".to_owned(), u32::from(unit.port));
            return self.connect(Call { user, host, port, tries: 1, legacy: true }).await;
        }
    }

    /// The client, to its end.
    async fn connect(mut self, call: Call) {
        let bastion = Arc::clone(&self.bastion);
        let Some(place) = bastion.unit_at(&call.host, call.port).map(|unit| Arc::clone(unit.place)) else {
            return self.fail(&refused(&call)).await;
        };
        let (visit, reception) = place.receive();
        let (changed, refuse) = match reception {
            Reception::Refuse => return self.fail(&refused(&call)).await,
            Reception::Full => {
                let said = "kex_exchange_identification: Connection closed by remote host\n".to_owned();
                let closed = format!("Connection closed by {} port {}\n", call.host, call.port);
                return self.fail(&(said + &closed)).await;
            }
            Reception::Silent => {
                // Until whoever waits has had enough.
                while self.channel.wait().await.is_some_and(|message| !matches!(message, ChannelMsg::Close)) {}
                return;
            }
            Reception::Talk { changed_key, refuse_logins } => (changed_key, refuse_logins),
        };
        if let Ok(true) = self.log_in(&place, &call, changed, refuse).await {
            self.hand_over(&place, call.user, visit).await;
        }
    }

    /// The client's questions; `true` when the unit let the account in.
    async fn log_in(&mut self, place: &Arc<Place>, call: &Call, changed: bool, refuse: bool) -> Result<bool, Gone> {
        let spec = place.spec();
        let Call { user, host, port, .. } = call;
        if spec.algorithms == Algorithms::Legacy && !call.legacy {
            let offer = "no matching host key type found. Their offer: ssh-rsa";
            return self.give_up(&format!("Unable to negotiate with {host} port {port}: {offer}\n")).await;
        }
        let Ok((kind, print)) = keys::shown(&spec.seat, spec.algorithms, changed) else { return Err(Gone) };
        let named = if *port == 22 { host.clone() } else { format!("[{host}]:{port}") };
        self.say(&format!(
            "The authenticity of host '{named} ({named})' can't be established.\n{kind} key fingerprint is {print}.\n\
             This key is not known by any other names.\n\
             Are you sure you want to continue connecting (yes/no/[fingerprint])? "
        ))
        .await?;
        loop {
            match self.read(true).await?.trim() {
                answer if answer == print || answer == "yes" => break,
                "no" => return self.give_up("Host key verification failed.\n").await,
                _ => self.say("Please type 'yes', 'no' or the fingerprint: ").await?,
            }
        }
        self.say(&format!("Warning: Permanently added '{named}' ({kind}) to the list of known hosts.\n")).await?;
        let question = place.with(|unit| match () {
            () if unit.take(Fault::AsksToken) => format!("({user}@{host}) Token: "),
            () if unit.take(Fault::AsksPassword) => format!("({user}@{host}) Password: "),
            () => format!("{user}@{host}'s password: "),
        });
        for attempt in 1..=call.tries {
            self.say(&question).await?;
            let password = self.read(false).await?;
            self.say("\n").await?;
            // Nobody in the lab has a token for a unit.
            let password = if question.contains("Token") { "" } else { password.as_str() };
            if place.login(user, Shows::Password(password), refuse) {
                return Ok(true);
            }
            if attempt < call.tries {
                self.say("Permission denied, please try again.\n").await?;
            }
        }
        self.give_up(&format!("{user}@{host}: Permission denied (publickey,password).\n")).await
    }

    /// The unit's own terminal takes the channel, with what was typed ahead.
    async fn hand_over(self, place: &Arc<Place>, user: String, visit: Visit) {
        let task = Task::nested(Arc::clone(place), self.bastion.wire, user, self.lines.unwrap_or(24));
        task.run_shell(self.channel, self.ahead.into()).await;
        drop(visit);
    }

    async fn give_up(&mut self, said: &str) -> Result<bool, Gone> {
        self.say(said).await?;
        self.close(FAILED).await;
        Ok(false)
    }

    async fn fail(self, said: &str) {
        if self.say(said).await.is_ok() {
            self.close(FAILED).await;
        }
    }

    async fn end(self, status: u32) {
        self.close(status).await;
    }

    async fn close(&self, status: u32) {
        let closing = async {
            self.channel.exit_status(status).await?;
            self.channel.eof().await?;
            self.channel.close().await
        };
        if let Err(error) = closing.await {
            tracing::debug!(%error, "the channel was gone already");
        }
    }

    /// Reads one line from the one who types.
    async fn read(&mut self, echo: bool) -> Result<String, Gone> {
        self.terminal.echo = echo && self.lines.is_some();
        loop {
            let mut echoed = Vec::new();
            while let Some(byte) = self.ahead.pop_front() {
                match self.terminal.key(byte) {
                    Typed::Echo(bytes) => echoed.extend(bytes),
                    Typed::Line(line, bytes) => {
                        echoed.extend(bytes);
                        self.write(echoed).await?;
                        return Ok(line);
                    }
                    Typed::Page(_) => {}
                    Typed::Leave => return Err(Gone),
                }
            }
            self.write(echoed).await?;
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => self.ahead.extend(data.iter()),
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => return Err(Gone),
                Some(_) => {}
            }
        }
    }

    async fn say(&self, text: &str) -> Result<(), Gone> {
        let text = if self.lines.is_some() { text.replace('\n', "\r\n") } else { text.to_owned() };
        self.write(text.into_bytes()).await
    }

    async fn write(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.channel.data_bytes(bytes).await.map_err(|_| Gone)
    }
}

fn refused(call: &Call) -> String {
    format!("ssh: connect to host {} port {}: Connection refused\n", call.host, call.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_the_client_is_read() {
        let whole = "LC_ALL=C exec ssh -tt -a -x -e none -F /dev/null -o StrictHostKeyChecking=ask \
                     -o NumberOfPasswordPrompts=1 -o HostKeyAlgorithms=+ssh-rsa -l monitor -p 2022 -- 10.0.0.1";
        let expected = Call { user: "monitor".into(), host: "10.0.0.1".into(), port: 2022, tries: 1, legacy: true };
        assert_eq!(call(whole), Some(expected));
        let short = Call { user: "admin".into(), host: "10.0.0.1".into(), port: 22, tries: TRIES, legacy: false };
        assert_eq!(call("ssh admin@10.0.0.1"), Some(short));
        for text in ["", "ssh", "ssh 10.0.0.1", "scp admin@10.0.0.1:x .", "ssh -p x admin@10.0.0.1"] {
            assert_eq!(call(text), None, "{text}");
        }
    }
}
