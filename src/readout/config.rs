//! The text configuration: header, sections, and what is known of its lines.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::definition::DefinitionError;
use super::origin::{Mark, Origin, Releases};
use crate::model::command::ReadCommand;
use crate::model::config::{ConfigHeader, ConfigLayout, ConfigSection, Configuration, SecretBlock, Secrets, lines};
use crate::model::expression::Expression;
use crate::model::outside::Outside;
use crate::model::series::Series;

/// What is known about configurations.
#[derive(Debug, Clone)]
pub(super) struct ConfigDefinition {
    /// The command that prints the running configuration.
    pub(super) command: ReadCommand,
    /// The command that prints the saved one.
    pub(super) saved_command: ReadCommand,
    /// Where the knowledge comes from.
    pub(super) origin: Origin,
    common: ConfigLayout,
    series: BTreeMap<Series, ConfigLayout>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mark: Mark,
    /// The document or recording.
    #[serde(default)]
    source: String,
    /// Of a seen layout, the releases whose answers were recorded.
    #[serde(default)]
    releases: Releases,
    command: String,
    saved_command: String,
    sections_expected: Vec<String>,
    #[serde(default)]
    sections_expected_of: BTreeMap<Series, Vec<String>>,
    volatile: Vec<String>,
    /// Without one, another unit must give back every command.
    #[serde(default)]
    identity: Vec<String>,
    secrets: Vec<String>,
    secret_blocks: Vec<FileBlock>,
    secret_words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBlock {
    begin: String,
    end: String,
}

impl ConfigDefinition {
    /// Reads the definition, and compiles none of its expressions.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, DefinitionError> {
        let parsed = serde_yaml::from_str::<File>(text)
            .map_err(|source| DefinitionError::Syntax { file: file.to_owned(), source: Box::new(source) })?;
        let command = |text: &str| {
            ReadCommand::new(text).map_err(|source| DefinitionError::Command { file: file.to_owned(), source })
        };
        let all = |texts: Vec<String>| texts.into_iter().map(Expression::later).collect::<Vec<_>>();
        let block =
            |FileBlock { begin, end }| SecretBlock { begin: Expression::later(begin), end: Expression::later(end) };
        let common = ConfigLayout {
            sections_expected: parsed.sections_expected,
            volatile: parsed.volatile.iter().map(|text| Expression::later(format!("(?m){text}"))).collect(),
            identity: all(parsed.identity),
            secrets: Secrets::new(
                all(parsed.secrets),
                parsed.secret_blocks.into_iter().map(block).collect(),
                parsed.secret_words,
            ),
        };
        let series = parsed.sections_expected_of.into_iter().map(|(series, more)| {
            let mut layout = common.clone();
            layout.sections_expected.extend(more);
            (series, layout)
        });
        let origin = Origin { mark: parsed.mark, source: parsed.source, releases: parsed.releases };
        Ok(Self {
            origin,
            command: command(&parsed.command)?,
            saved_command: command(&parsed.saved_command)?,
            series: series.collect(),
            common,
        })
    }

    /// Compiles every expression.
    pub(super) fn compile(&self) -> Result<(), regex::Error> {
        let (known, secrets) = (&self.common, &self.common.secrets);
        let blocks = secrets.blocks().iter().flat_map(|block| [&block.begin, &block.end]);
        let mut all = known.volatile.iter().chain(&known.identity).chain(secrets.rules()).chain(blocks);
        all.try_for_each(|expression| expression.compile().map(drop))
    }

    /// The layout of every series.
    pub(super) const fn common(&self) -> &ConfigLayout {
        &self.common
    }

    /// The layout of a series.
    pub(super) fn layout(&self, series: Series) -> &ConfigLayout {
        self.series.get(&series).unwrap_or(&self.common)
    }
}

/// Takes a configuration apart.
///
/// A block of lines that begin with `##` either belongs to the header (before any command, and with one of its fields)
/// or has the title of the section that follows, between two bare lines `##`. Anything else is somebody's remark.
pub(super) fn configuration(answer: String) -> Configuration {
    let text = if memchr::memchr(b'\r', answer.as_bytes()).is_some() {
        answer.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        answer
    };
    let mut header = ConfigHeader::default();
    let mut sections: Vec<ConfigSection> = Vec::new();
    let mut block: Option<Block> = None;
    let mut count = 0;
    for (number, line) in lines(&text).enumerate() {
        count = number + 1;
        if let Some(comment) = line.strip_prefix("##") {
            let block = block.get_or_insert_with(|| Block { start: number, ..Block::default() });
            block.take(comment.trim(), sections.is_empty().then_some(&mut header));
            continue;
        }
        let is_command = !line.starts_with('#') && line.bytes().any(|byte| !byte.is_ascii_whitespace());
        if let Some(block) = block.take() {
            close(&mut sections, block, number);
        }
        if is_command {
            if sections.is_empty() {
                sections.push(ConfigSection { title: Outside::default(), lines: number..number, commands: 0 });
            }
            if let Some(section) = sections.last_mut() {
                section.commands += 1;
            }
        }
    }
    if let Some(block) = block {
        close(&mut sections, block, count);
    }
    if let Some(last) = sections.last_mut() {
        last.lines.end = last.lines.end.max(count);
    }
    Configuration { text, line_count: count, header, sections }
}

/// The header of a configuration whose line ends are line feeds. It stands before any command, so that nothing behind
/// the first one is looked at.
pub(super) fn header(text: &str) -> ConfigHeader {
    let before_commands = lines(text).take_while(|line| line.starts_with('#') || line.trim_ascii().is_empty());
    let end: usize = before_commands.map(|line| line.len() + 1).sum();
    configuration(text.get(..end).unwrap_or(text).to_owned()).header
}

/// A run of lines that begin with `##`.
#[derive(Default)]
struct Block {
    start: usize,
    title: Option<Outside>,
    is_header: bool,
    /// What follows a bare line, until the line after it shows whether it is a title.
    perhaps: Option<Outside>,
    after_bare: bool,
}

impl Block {
    fn take(&mut self, comment: &str, header: Option<&mut ConfigHeader>) {
        let bare = comment.is_empty();
        let perhaps = self.perhaps.take();
        if bare && self.title.is_none() {
            self.title = perhaps;
        } else if !bare && header.is_some_and(|header| header_field(comment, header)) {
            self.is_header = true;
        } else if !bare && self.after_bare {
            self.perhaps = Some(Outside::from(comment));
        }
        self.after_bare = bare;
    }
}

/// Ends the section before a title block and begins the one after it; `next` is the first line after the block.
fn close(sections: &mut Vec<ConfigSection>, block: Block, next: usize) {
    let Block { start, title: Some(title), is_header: false, .. } = block else { return };
    if let Some(last) = sections.last_mut() {
        last.lines.end = start;
    }
    sections.push(ConfigSection { title, lines: next..next, commands: 0 });
}

/// Takes a field of the header (layout: docs.trellix.com, `show running-config` and `show configuration`). The first
/// of a kind counts.
fn header_field(comment: &str, header: &mut ConfigHeader) -> bool {
    let set = |field: &mut Option<Outside>, value: &str| {
        if field.is_none() && !value.trim().is_empty() {
            *field = Some(Outside::from(value.trim()));
        }
        true
    };
    if let Some(rest) = comment.strip_prefix("Running database") {
        return set(&mut header.file, rest.split('"').nth(1).unwrap_or_default());
    }
    if let Some(rest) = comment.strip_prefix("Active saved database") {
        return set(&mut header.file, rest.split('"').nth(1).unwrap_or_default());
    }
    if let Some(rest) = comment.strip_prefix("Generated at ") {
        return set(&mut header.generated_at, rest);
    }
    if let Some(rest) = comment.strip_prefix("Software version:") {
        return set(&mut header.software_version, rest);
    }
    if let Some(rest) = comment.strip_prefix("Hostname:") {
        return set(&mut header.hostname, rest);
    }
    if let Some(rest) = comment.strip_prefix("Last config change ID:") {
        header.change_id = header.change_id.or_else(|| rest.trim().parse().ok());
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "##\n## Running database (file \"initial\" is currently active)\n## Generated at 2026/11/20 03:00:01 +0000\n## Software version: wmps wMPS (wMPS) 9.1.0.924861 #924861 2023-04-01 10:00:00 x86_64 build@vta1:x (eng)\n## Last config change ID: 478\n## Hostname: nx01\n##\n\n##\n## License keys\n##\nlicense install LK2-A-0000\nlicense install LK2-B-0000\n\n##\n## Other IP configuration\n##\n# a remark\nhostname nx01\nno ip x\n";

    fn definition() -> ConfigDefinition {
        ConfigDefinition::parse("config.yaml", include_str!("definitions/config.yaml")).expect("right")
    }

    #[test]
    fn header_and_sections_are_found_with_both_line_ends() {
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n")] {
            let read = configuration(text.clone());
            assert_eq!(read.text, TEXT);
            assert_eq!(read.header.file, Some("initial".into()));
            assert_eq!(read.header.change_id, Some(478));
            assert_eq!(read.header.hostname, Some("nx01".into()));
            assert_eq!(read.header.generated_at, Some("2026/11/20 03:00:01 +0000".into()));
            assert!(read.header.software_version.is_some_and(|version| version.as_data().starts_with("wmps wMPS")));
            let sections =
                read.sections.iter().map(|s| (s.title.as_data(), s.lines.clone(), s.commands)).collect::<Vec<_>>();
            assert_eq!(sections, [("License keys", 11..14, 2), ("Other IP configuration", 17..20, 2)]);
        }
    }

    #[test]
    fn the_saved_database_has_a_shorter_header() {
        let read = configuration(
            "##\n## Active saved database \"initial\"\n## Generated at 2012/02/03 02:06:33 +0000\n## Hostname: w\n##\n"
                .to_owned(),
        );
        assert_eq!(read.header.file, Some("initial".into()));
        assert_eq!((read.header.change_id, read.sections.len()), (None, 0));
    }

    #[test]
    fn a_title_stands_between_two_bare_lines() {
        let remarks =
            ["## remark key tiger", "##\n## remark key tiger", "## remark key tiger\n##", "##\n## a\n## b\n##"];
        let places = ["# a remark\n", "hostname nx01\n"];
        for (remark, before) in remarks.iter().flat_map(|remark| places.map(|before| (remark, before))) {
            let read = configuration(TEXT.replace(before, &format!("{before}{remark}\n")));
            let titles: Vec<&str> = read.sections.iter().map(|section| section.title.as_data()).collect();
            assert_eq!(titles, ["License keys", "Other IP configuration"], "{remark}");
        }
    }

    #[test]
    fn a_section_cannot_rewrite_the_header() {
        let read = configuration(TEXT.replace("# a remark", "## Hostname: other\n## Last config change ID: 1"));
        assert_eq!((read.header.hostname, read.header.change_id), (Some("nx01".into()), Some(478)));
    }

    fn secrets_of(line: &str) -> Vec<String> {
        let definition = definition();
        let mut found = Vec::new();
        for regex in definition.layout(Series::Nx).secrets.rules() {
            for captures in regex.captures_iter(line) {
                found.extend(captures.iter().skip(1).flatten().map(|group| group.as_str().to_owned()));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn every_known_secret_is_a_group_of_its_line() {
        for (line, secret) in [
            ("license install LK2-CONTENT_UPDATES-0000-1111", "LK2-CONTENT_UPDATES-0000-1111"),
            ("license install \"LK2-CONTENT_UPDATES-0000-1111\"", "LK2-CONTENT_UPDATES-0000-1111"),
            ("username admin password 7 $1$abc$defghij", "$1$abc$defghij"),
            ("username \"admin\" password 7 \"$6$abc$defghij\"", "$6$abc$defghij"),
            ("username admin password 0 open sesame", "open sesame"),
            ("   username admin password secret1", "secret1"),
            ("enable password 7 $1$abc$xyz", "$1$abc$xyz"),
            ("snmp-server community public-x ro", "public-x"),
            ("snmp-server host 10.0.0.1 traps version 2c community-x", "community-x"),
            ("snmp-server host 10.0.0.1 traps port 162 version 2c \"community-x\"", "community-x"),
            ("fenotify snmp trap-sink a community comm-x", "comm-x"),
            ("radius-server host 10.0.0.1 key \"rkey\"", "rkey"),
            ("radius-server key rkey", "rkey"),
            ("tacacs-server host 10.0.0.1 auth-port 49 key tkey", "tkey"),
            ("ldap bind-password lpw", "lpw"),
            ("ntp authentication-key 1 md5 nkey", "nkey"),
            ("ntp authentication key 1 sha1 \"nkey\"", "nkey"),
            ("email mailhub auth password mpw", "mpw"),
            ("cmc client server auth password password cpw", "cpw"),
            ("fenet dti source default password fpw", "fpw"),
            ("fenet proxy user u password fpw", "fpw"),
            ("wsapi user x password wpw", "wpw"),
            ("ssh client user admin identity rsa2 private-key kkk", "kkk"),
            ("fenotify http service x url https://joe:hook@example.net/x", "hook"),
            ("fenotify http service x password hpw", "hpw"),
            ("configuration fetch scp://joe:p@ss@host/x", "p@ss"),
            ("ipmi user admin password 7 ipw", "ipw"),
            ("crypto ipsec peer 10.0.0.1 local 10.0.0.2 keying ike preshared-key psk1", "psk1"),
        ] {
            assert_eq!(secrets_of(line), [secret], "{line}");
        }
    }

    #[test]
    fn a_v3_user_has_two_secrets() {
        let line = "snmp-server user mon v3 encrypted auth md5 0xaaaa priv des 0xbbbb";
        assert_eq!(secrets_of(line), ["0xaaaa", "0xbbbb"]);
        let line = "snmp-server user mon v3 auth sha authpw priv aes-128 privpw";
        assert_eq!(secrets_of(line), ["authpw", "privpw"]);
    }

    #[test]
    fn ordinary_lines_have_no_secret() {
        for line in [
            "hostname nx01",
            "snmp-server host 10.0.0.1 disable",
            "username admin role admin",
            "ntp server 10.0.0.1 version 4",
            "ssh server ports 22",
            "ip default-gateway 10.0.0.1",
            "configuration audit max-changes 1000",
            "fenotify http service x url https://example.net/x",
        ] {
            assert_eq!(secrets_of(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_private_key_is_a_block_and_the_time_of_generation_is_volatile() {
        let definition = definition();
        let layout = definition.layout(Series::Cm);
        let begins = |line: &str| layout.secrets.blocks().iter().find(|block| block.begin.is_match(line));
        let block = begins("crypto certificate name x private-key pem \"-----BEGIN RSA PRIVATE KEY-----").expect("one");
        assert!(block.end.is_match("-----END RSA PRIVATE KEY-----"));
        assert!(begins("-----BEGIN CERTIFICATE-----").is_none());
        let quoted = begins("ssh server host-key rsa2 private-key \"").expect("one");
        assert!(quoted.end.is_match("\"") && !quoted.end.is_match("MIIE"));
        assert!(layout.volatile.iter().any(|regex| regex.is_match("## Generated at 2026/11/20 03:00:01 +0000")));
        assert!(!layout.volatile.iter().any(|regex| regex.is_match("## Hostname: nx01")));
        assert!(layout.secrets.words_in("the Password").next().is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_sections_lie_in_order(text in "(##[ A-Za-z:]{0,12}\n|##\n|## Hostname: [ab]\n|## Generated at [12]\n|[a-z #\"]{0,10}\r?\n|\\PC{0,10}){0,20}") {
            let read = configuration(text.clone());
            let lines = read.text.lines().count();
            let mut end = 0;
            for section in &read.sections {
                prop_assert!(end <= section.lines.start && section.lines.start <= section.lines.end, "{:?}", read.sections);
                prop_assert!(section.lines.end <= lines && section.commands <= section.lines.len(), "{:?}", read.sections);
                end = section.lines.end;
            }
            prop_assert!(!read.text.contains('\r'));
            prop_assert_eq!(header(&read.text), read.header);
        }
    }
}
