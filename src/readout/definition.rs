//! The layouts: which command of which series and release is read how, and in which tier.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::api::{ApiLayout, ApiMalformed, ApiReadout};
use super::config::ConfigDefinition;
use super::family::{Family, Mistake};
use super::origin::{Channel, LayoutOrigin, Mark, Origin, Releases};
use super::snmp::{self, SnmpLayout, SnmpReadout};
use super::{Context, Readout, config, read};
use crate::model::command::{CommandError, ReadCommand};
use crate::model::config::{ConfigHeader, ConfigLayout, Configuration};
use crate::model::outside::Outside;
use crate::model::reading::{ComponentKind, Tier};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::snmp::{Oid, SnmpObject};
use crate::model::typed::Verbs;

/// The definitions that every build holds, in the order in which their commands are sent: what names something comes
/// before what asks for it.
const EMBEDDED: &[(&str, &str)] = &[
    ("clock.yaml", include_str!("definitions/clock.yaml")),
    ("version.yaml", include_str!("definitions/version.yaml")),
    ("hosts.yaml", include_str!("definitions/hosts.yaml")),
    ("wsapi.yaml", include_str!("definitions/wsapi.yaml")),
    ("hardware.yaml", include_str!("definitions/hardware.yaml")),
    ("system-health.yaml", include_str!("definitions/system-health.yaml")),
    ("health.yaml", include_str!("definitions/health.yaml")),
    ("policymgr.yaml", include_str!("definitions/policymgr.yaml")),
    ("interfaces.yaml", include_str!("definitions/interfaces.yaml")),
    ("email-analysis.yaml", include_str!("definitions/email-analysis.yaml")),
    ("email-mta.yaml", include_str!("definitions/email-mta.yaml")),
    ("files.yaml", include_str!("definitions/files.yaml")),
    ("ntp.yaml", include_str!("definitions/ntp.yaml")),
    ("cmc-client.yaml", include_str!("definitions/cmc-client.yaml")),
    ("cmc-appliances.yaml", include_str!("definitions/cmc-appliances.yaml")),
    ("licenses.yaml", include_str!("definitions/licenses.yaml")),
    ("images.yaml", include_str!("definitions/images.yaml")),
    ("fenet.yaml", include_str!("definitions/fenet.yaml")),
    ("content-version.yaml", include_str!("definitions/content-version.yaml")),
    ("guest-images.yaml", include_str!("definitions/guest-images.yaml")),
];

/// The definitions of the HTTPS API that every build holds. A user's own has a name that begins with `api-`.
const EMBEDDED_API: &[(&str, &str)] = &[
    ("api-system.yaml", include_str!("definitions/api-system.yaml")),
    ("api-hardware.yaml", include_str!("definitions/api-hardware.yaml")),
    ("api-cm.yaml", include_str!("definitions/api-cm.yaml")),
    ("api-alerts.yaml", include_str!("definitions/api-alerts.yaml")),
    ("api-hx.yaml", include_str!("definitions/api-hx.yaml")),
    ("api-hx-hosts.yaml", include_str!("definitions/api-hx-hosts.yaml")),
    ("api-hx-seen.yaml", include_str!("definitions/api-hx-seen.yaml")),
];

/// The definitions of SNMP that every build holds. A user's own has a name that begins with `snmp`.
const EMBEDDED_SNMP: &[(&str, &str)] = &[
    ("snmp-system.yaml", include_str!("definitions/snmp-system.yaml")),
    ("snmp-hardware.yaml", include_str!("definitions/snmp-hardware.yaml")),
    ("snmp-software.yaml", include_str!("definitions/snmp-software.yaml")),
    ("snmp-analysis.yaml", include_str!("definitions/snmp-analysis.yaml")),
    ("snmp-mail.yaml", include_str!("definitions/snmp-mail.yaml")),
    ("snmp-cm.yaml", include_str!("definitions/snmp-cm.yaml")),
];

/// Words that appliances print beside those of the layouts: of the command line reference, and of English.
const WORDS: &str = include_str!("definitions/words.txt");
const CONFIG: (&str, &str) = ("config.yaml", include_str!("definitions/config.yaml"));
const LOGIN: (&str, &str) = ("login.yaml", include_str!("definitions/login.yaml"));

/// Why a definition is not taken.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The file cannot be read.
    #[error("read {path}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than a definition may be.
    #[error("take {path}: more than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// It is not YAML of the expected shape.
    #[error("understand the definition {file}")]
    Syntax {
        /// The file.
        file: String,
        /// Where and why.
        #[source]
        source: Box<serde_yaml::Error>,
    },
    /// A command is no plain show command.
    #[error("take a command of the definition {file}")]
    Command {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: CommandError,
    },
    /// A rule names a part that no line gives.
    #[error("use the definition {file}: no line gives the part {part:?}")]
    UnknownPart {
        /// The file.
        file: String,
        /// The part.
        part: String,
    },
    /// A check names a table of words that the file does not have.
    #[error("use the definition {file}: there is no table of words {words:?}")]
    UnknownWords {
        /// The file.
        file: String,
        /// The table.
        words: String,
    },
    /// A command by which a typed line is judged has no plain words.
    #[error("use the definition {file}: {words:?} is no command of words in small letters")]
    Phrase {
        /// The file.
        file: String,
        /// As it stands there.
        words: String,
    },
    /// An expression is wrong.
    #[error("use an expression of the definition {file}")]
    Expression {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Box<regex::Error>,
    },
}

/// One command and how its answer is read.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Its name, by which a user's own layout replaces it.
    pub name: String,
    /// What is sent.
    pub command: ReadCommand,
    /// The series that have the command.
    pub series: Vec<Series>,
    /// The tiers in which it is sent; a session that reads several tiers sends it once.
    pub tiers: Vec<Tier>,
    /// Whether an appliance may lack the command.
    pub optional: bool,
    /// Whether it speaks of hardware, which a virtual machine does not have.
    pub hardware: bool,
    /// Whether it is asked only where the HTTPS API is declared.
    pub api: bool,
    /// The last word of the command, when it asks for one thing of several: it is sent only after an answer of the same
    /// session has named that thing ([`Readout::names`]).
    pub named: Option<String>,
    /// Where the knowledge comes from.
    pub origin: Origin,
    since: BTreeMap<Series, Release>,
    pub(super) expects: Vec<Expect>,
    pub(super) family: Arc<Family>,
}

impl Layout {
    /// Whether its command is sent, after answers that gave these names. What an appliance says only chooses among
    /// commands that a definition has: no word of it is sent back.
    pub fn is_wanted(&self, names: &[Outside]) -> bool {
        self.named.as_ref().is_none_or(|word| names.iter().any(|name| name.as_data() == word))
    }

    /// The kinds of component of which an answer may give readings, some of them more than once.
    pub fn kinds(&self) -> impl Iterator<Item = ComponentKind> {
        let items = std::iter::once(&self.family.answer).chain(&self.family.items);
        items.flat_map(|item| &item.readings).map(|reading| reading.kind)
    }
}

/// A component that a complete answer has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Its kind.
    pub(super) kind: ComponentKind,
    /// Its name; empty for the only one.
    #[serde(default)]
    pub(super) name: String,
    /// Whether any component of the kind will do.
    #[serde(default)]
    pub(super) any: bool,
    /// The one that will not do.
    pub(super) besides: Option<String>,
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
    layouts: Vec<FileLayout>,
    reads: Family,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLayout {
    name: String,
    command: String,
    /// The things that are asked for one by one: each makes a layout, whose name and command end with it.
    #[serde(default)]
    each: Vec<String>,
    series: Vec<Series>,
    #[serde(default)]
    since: BTreeMap<Series, Release>,
    tiers: Vec<Tier>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    hardware: bool,
    #[serde(default)]
    api: bool,
    #[serde(default)]
    expects: Vec<Expect>,
}

/// All layouts.
#[derive(Debug, Clone)]
pub struct Definitions {
    layouts: Vec<Layout>,
    config: ConfigDefinition,
    snmp: Vec<SnmpLayout>,
    api: Vec<ApiLayout>,
    verbs: OnceLock<Verbs>,
    own_verbs: Verbs,
}

impl Definitions {
    /// The definitions that this build holds. A test has compiled their expressions and looked for their mistakes.
    pub fn embedded() -> Result<Self, DefinitionError> {
        let config = ConfigDefinition::parse(CONFIG.0, CONFIG.1)?;
        let mut all = Self {
            layouts: Vec::new(),
            config,
            snmp: Vec::new(),
            api: Vec::new(),
            verbs: OnceLock::new(),
            own_verbs: Verbs::default(),
        };
        for (file, text) in EMBEDDED {
            all.put(layouts(file, parse(file, text)?)?);
        }
        for (file, text) in EMBEDDED_SNMP {
            all.put_snmp(parse_snmp(file, text)?);
        }
        for (file, text) in EMBEDDED_API {
            all.put_api(parse_api(file, text)?);
        }
        Ok(all)
    }

    /// Takes a definition file; a layout of a known name replaces the known one in its place in the order,
    /// `config.yaml` replaces what is known of configurations, and `login.yaml` adds to what a person may type.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), DefinitionError> {
        let expression = |source| DefinitionError::Expression { file: file.to_owned(), source: Box::new(source) };
        if file == "config.yaml" {
            let config = ConfigDefinition::parse(file, text)?;
            config.compile().map_err(expression)?;
            self.config = config;
            return Ok(());
        }
        if file == LOGIN.0 {
            self.own_verbs.add(parse_verbs(file, text)?);
            self.verbs = OnceLock::new();
            return Ok(());
        }
        if file.starts_with("snmp") {
            self.put_snmp(parse_snmp(file, text)?);
            return Ok(());
        }
        if file.starts_with("api-") {
            self.put_api(parse_api(file, text)?);
            return Ok(());
        }
        let parsed = parse(file, text)?;
        if let Some(mistake) = parsed.reads.mistake() {
            return Err(mistaken(file, mistake));
        }
        self.put(layouts(file, parsed)?);
        Ok(())
    }

    fn put_snmp(&mut self, layout: SnmpLayout) {
        match self.snmp.iter_mut().find(|known| known.name == layout.name) {
            Some(known) => *known = layout,
            None => self.snmp.push(layout),
        }
    }

    fn put_api(&mut self, layout: ApiLayout) {
        match self.api.iter_mut().find(|known| known.name == layout.name) {
            Some(known) => *known = layout,
            None => self.api.push(layout),
        }
    }

    fn put(&mut self, layouts: Vec<Layout>) {
        for layout in layouts {
            match self.layouts.iter_mut().find(|known| known.name == layout.name) {
                Some(known) => *known = layout,
                None => self.layouts.push(layout),
            }
        }
    }

    /// What is sent to an appliance in a tier, in the order of sending (the clock before what has an age). A layout
    /// that a release does not have yet is left out; without a known release all of them are sent.
    pub fn commands(&self, series: Series, release: Option<&Release>, tier: Tier) -> Vec<&Layout> {
        self.layouts
            .iter()
            .filter(|layout| layout.series.contains(&series) && layout.tiers.contains(&tier))
            .filter(|layout| match (layout.since.get(&series), release) {
                (Some(since), Some(release)) => !release.is_below(since),
                _ => true,
            })
            .collect()
    }

    /// What is walked by SNMP on an appliance of a series, each place once.
    pub fn snmp_roots(&self, series: Series, virtual_machine: bool) -> Vec<Oid> {
        let mut roots: Vec<Oid> = self.snmp_of(series, virtual_machine).map(|layout| layout.under.clone()).collect();
        roots.sort();
        roots.dedup_by(|deeper, root| deeper == root || deeper.below(root).is_some());
        roots
    }

    fn snmp_of(&self, series: Series, virtual_machine: bool) -> impl Iterator<Item = &SnmpLayout> {
        let speaks =
            move |layout: &&SnmpLayout| layout.series.contains(&series) && !(layout.hardware && virtual_machine);
        self.snmp.iter().filter(speaks)
    }

    /// Reads the objects of a walk. Total, as [`Self::read`].
    pub fn read_snmp(&self, objects: &[SnmpObject], virtual_machine: bool, context: &Context) -> SnmpReadout {
        snmp::read(self.snmp_of(context.series, virtual_machine), objects, context)
    }

    /// The kinds of component of which SNMP alone speaks on an appliance of a series.
    pub fn snmp_only(&self, series: Series) -> BTreeSet<ComponentKind> {
        let told = self.layouts.iter().filter(|layout| layout.series.contains(&series));
        let told: BTreeSet<ComponentKind> = told.flat_map(Layout::kinds).collect();
        self.snmp_of(series, false).flat_map(SnmpLayout::kinds).filter(|kind| !told.contains(kind)).collect()
    }

    /// What is asked by the HTTPS API of an appliance of a series, in the order of asking.
    pub fn api_of(&self, series: Series, virtual_machine: bool) -> impl Iterator<Item = &ApiLayout> {
        let speaks =
            move |layout: &&ApiLayout| layout.series.contains(&series) && !(layout.hardware && virtual_machine);
        self.api.iter().filter(speaks)
    }

    /// Reads an answer of the HTTPS API.
    pub fn read_api(&self, layout: &ApiLayout, body: &[u8], context: &Context) -> Result<ApiReadout, ApiMalformed> {
        layout.read(body, context)
    }

    /// The kinds of component of which, of SSH and the HTTPS API, the latter alone speaks on an appliance of a series.
    pub fn api_only(&self, series: Series) -> BTreeSet<ComponentKind> {
        let told = self.layouts.iter().filter(|layout| layout.series.contains(&series));
        let told: BTreeSet<ComponentKind> = told.flat_map(Layout::kinds).collect();
        self.api_of(series, false).flat_map(ApiLayout::kinds).filter(|kind| !told.contains(kind)).collect()
    }

    /// Every layout that speaks of a unit, with its origin there, in the order of sending. Whether the unit is a virtual
    /// machine, and whether its API is declared, is handed in.
    pub fn origins(
        &self,
        series: Series,
        release: Option<&Release>,
        (virtual_machine, has_api): (bool, bool),
    ) -> Vec<LayoutOrigin> {
        let one = |channel, name: &str, asks: String, origin: &Origin| LayoutOrigin {
            channel,
            name: name.to_owned(),
            asks,
            mark: origin.of(series, release),
            source: origin.source.clone(),
        };
        let mut commands: Vec<&Layout> = Vec::new();
        for tier in Tier::ALL {
            let fits = |layout: &&Layout| !(layout.hardware && virtual_machine) && (!layout.api || has_api);
            for layout in self.commands(series, release, *tier).into_iter().filter(fits) {
                // One for all things that are asked for one by one.
                let known = |known: &&Layout| Arc::ptr_eq(&known.family, &layout.family) && known.named.is_some();
                let named = layout.named.is_some() && commands.iter().any(known);
                if !named && !commands.iter().any(|known| known.name == layout.name) {
                    commands.push(layout);
                }
            }
        }
        let ssh = commands.into_iter().map(|layout| {
            let asks = layout.named.as_ref().and_then(|named| layout.command.as_str().strip_suffix(named.as_str()));
            let asks = asks.map_or_else(|| layout.command.to_string(), |head| format!("{head}…"));
            let named = layout.named.as_ref().and_then(|named| layout.name.strip_suffix(named.as_str()));
            one(Channel::Ssh, named.unwrap_or(&layout.name).trim_end(), asks, &layout.origin)
        });
        let config = one(Channel::Ssh, "config", self.config_command().to_string(), &self.config.origin);
        let api = self
            .api_of(series, virtual_machine)
            .map(|layout| one(Channel::Api, &layout.name, layout.title().to_owned(), &layout.origin));
        let snmp = self
            .snmp_of(series, virtual_machine)
            .map(|layout| one(Channel::Snmp, &layout.name, layout.under.to_string(), &layout.origin));
        ssh.chain([config]).chain(api).chain(snmp).collect()
    }

    /// Every definition of the HTTPS API.
    pub fn list_api(&self) -> impl Iterator<Item = &ApiLayout> {
        self.api.iter()
    }

    /// Every definition of SNMP.
    pub fn list_snmp(&self) -> impl Iterator<Item = &SnmpLayout> {
        self.snmp.iter()
    }

    /// Reads an answer. Total: whatever is wrong with the answer becomes a reading. `complete` says whether the prompt
    /// was seen after it.
    pub fn read(&self, layout: &Layout, answer: &Outside, complete: bool, context: &Context) -> Readout {
        read::read(layout, answer.as_data(), complete, context)
    }

    /// Takes the text of `show running-config` apart: header and sections. Total.
    pub fn configuration(&self, answer: Outside) -> Configuration {
        config::configuration(answer.into_data())
    }

    /// The header of a configuration alone, without taking the rest apart; its line ends are line feeds.
    pub fn config_header(&self, text: &str) -> ConfigHeader {
        config::header(text)
    }

    /// What is known about the configuration of a series.
    pub fn config_layout(&self, series: Series) -> &ConfigLayout {
        self.config.layout(series)
    }

    /// Where the knowledge about configurations comes from.
    pub const fn config_origin(&self) -> &Origin {
        &self.config.origin
    }

    /// What is known about the configurations of every series.
    pub const fn config_layout_of_all(&self) -> &ConfigLayout {
        self.config.common()
    }

    /// The words that say nothing of anybody, in small letters: those of the built-in definitions and of a list of what
    /// appliances print. A user's own definitions may name customers, and are no part of it.
    pub fn vocabulary() -> HashSet<String> {
        let files = EMBEDDED.iter().chain(EMBEDDED_API).chain(EMBEDDED_SNMP).chain([&CONFIG, &LOGIN]);
        let texts = files.map(|(_, text)| *text).chain([WORDS]);
        let words = texts.flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphabetic()));
        words.filter(|word| word.len() > 1).map(str::to_lowercase).collect()
    }

    /// The command that prints the configuration.
    pub fn config_command(&self) -> &ReadCommand {
        &self.config.command
    }

    /// The command that prints the saved configuration.
    pub fn saved_command(&self) -> &ReadCommand {
        &self.config.saved_command
    }

    /// Which lines a person may send in a session of their own. Only a login asks, so that it is read when it is asked.
    pub fn verbs(&self) -> Result<&Verbs, DefinitionError> {
        if let Some(verbs) = self.verbs.get() {
            return Ok(verbs);
        }
        let mut verbs = parse_verbs(LOGIN.0, LOGIN.1)?;
        verbs.add(self.own_verbs.clone());
        Ok(self.verbs.get_or_init(|| verbs))
    }

    /// The layout of a name: `version`, `clock`, `hardware`, …
    pub fn by_name(&self, name: &str) -> Option<&Layout> {
        self.layouts.iter().find(|layout| layout.name == name)
    }

    /// Every layout, in the order of sending.
    pub fn list(&self) -> impl Iterator<Item = &Layout> {
        self.layouts.iter()
    }
}

fn syntax(file: &str, source: serde_yaml::Error) -> DefinitionError {
    DefinitionError::Syntax { file: file.to_owned(), source: Box::new(source) }
}

fn mistaken(file: &str, mistake: Mistake) -> DefinitionError {
    match mistake {
        Mistake::Expression(source) => DefinitionError::Expression { file: file.to_owned(), source: Box::new(source) },
        Mistake::Part(part) => DefinitionError::UnknownPart { file: file.to_owned(), part },
        Mistake::Words(words) => DefinitionError::UnknownWords { file: file.to_owned(), words },
    }
}

fn parse_verbs(file: &str, text: &str) -> Result<Verbs, DefinitionError> {
    let verbs = serde_yaml::from_str::<Verbs>(text).map_err(|source| syntax(file, source))?;
    match verbs.mistake() {
        Some(words) => Err(DefinitionError::Phrase { file: file.to_owned(), words: words.to_owned() }),
        None => Ok(verbs),
    }
}

fn parse_snmp(file: &str, text: &str) -> Result<SnmpLayout, DefinitionError> {
    let parsed = SnmpLayout::parse(text).map_err(|source| syntax(file, source))?;
    parsed.map_err(|mistake| mistaken(file, mistake))
}

fn parse_api(file: &str, text: &str) -> Result<ApiLayout, DefinitionError> {
    let parsed = ApiLayout::parse(text).map_err(|source| syntax(file, source))?;
    parsed.map_err(|mistake| mistaken(file, mistake))
}

fn parse(file: &str, text: &str) -> Result<File, DefinitionError> {
    serde_yaml::from_str::<File>(text).map_err(|source| syntax(file, source))
}

fn layouts(file: &str, parsed: File) -> Result<Vec<Layout>, DefinitionError> {
    let family = Arc::new(parsed.reads);
    let origin = Origin { mark: parsed.mark, source: parsed.source, releases: parsed.releases };
    let layout = |layout: &FileLayout, named: Option<&String>| {
        let with_word = |text: &str| named.map_or_else(|| text.to_owned(), |word| format!("{text} {word}"));
        let command = ReadCommand::new(&with_word(&layout.command))
            .map_err(|source| DefinitionError::Command { file: file.to_owned(), source })?;
        let mut expects = layout.expects.clone();
        for expect in expects.iter_mut().filter(|expect| expect.name.is_empty() && !expect.any) {
            expect.name = named.cloned().unwrap_or_default();
        }
        Ok(Layout {
            name: with_word(&layout.name),
            command,
            series: layout.series.clone(),
            tiers: layout.tiers.clone(),
            optional: layout.optional,
            hardware: layout.hardware,
            api: layout.api,
            named: named.cloned(),
            origin: origin.clone(),
            since: layout.since.clone(),
            expects,
            family: Arc::clone(&family),
        })
    };
    let mut layouts = Vec::new();
    for one in &parsed.layouts {
        if one.each.is_empty() {
            layouts.push(layout(one, None)?);
        }
        for word in &one.each {
            layouts.push(layout(one, Some(word))?);
        }
    }
    Ok(layouts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> Definitions {
        Definitions::embedded().expect("the embedded definitions are right")
    }

    #[test]
    fn the_embedded_definitions_are_right_and_no_name_stands_twice() {
        let all = embedded();
        let mut names = all.list().map(|layout| layout.name.as_str()).collect::<Vec<_>>();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a layout replaced another one of the embedded definitions");
        assert_eq!(all.config_command().as_str(), "show running-config");
        // As a user's own they are looked at more closely than each command can afford.
        let mut again = embedded();
        for (file, text) in EMBEDDED.iter().chain([&CONFIG]) {
            again.add(file, text).unwrap_or_else(|error| panic!("{file}: {error:?}"));
        }
    }

    #[test]
    fn no_denied_word_is_sent_whole_or_shortened() {
        let all = embedded();
        let verbs = all.verbs().expect("right");
        for series in Series::ALL {
            let denied = verbs.denied(*series);
            assert!(denied.len() > 30);
            for words in denied {
                let first = words.split(' ').next().expect("a word");
                for end in 1..=first.len() {
                    let short = &first[..end];
                    for line in [short.to_owned(), format!("{short} x"), format!("{short}?"), short.to_uppercase()] {
                        let judged = verbs.judge(&line, *series);
                        // `sh` is what everybody types for show, and show is what is sent.
                        let spelled = judged.as_ref().is_ok_and(|line| line.as_str().starts_with("show"));
                        assert!(judged.is_err() || (short == "sh" && spelled), "{series} {line:?}: {judged:?}");
                    }
                }
            }
            for short in ["rel", "conf t", "wr mem", "ena", "en", "no conf"] {
                assert!(verbs.judge(short, *series).is_err(), "{short}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_sent_begins_with_allowed_words(line in "[a-z]{0,6}[ -~]{0,30}") {
            static ALL: std::sync::LazyLock<Definitions> = std::sync::LazyLock::new(embedded);
            let verbs = ALL.verbs().expect("right");
            if let Ok(sent) = verbs.judge(&line, Series::Nx) {
                let begins = |words: &&str| {
                    let rest = sent.as_str().strip_prefix(words);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '?']))
                };
                let allowed = verbs.allowed(Series::Nx).iter().any(begins);
                proptest::prop_assert!(allowed || ["", "?"].contains(&sent.as_str()), "{:?}", sent);
                proptest::prop_assert!(!sent.as_str().contains(['\n', '\r', ';', '|', '\x03', '\t']));
            }
        }
    }

    #[test]
    fn a_users_own_verbs_are_added_and_the_longer_one_holds() {
        let mut all = embedded();
        let own = "allow:\n- {words: show}\n- {words: cmc execute all command}\ndeny:\n- {words: show log, why: x}\n";
        all.add("login.yaml", own).expect("right");
        let verbs = all.verbs().expect("right");
        assert!(verbs.judge("show log", Series::Nx).is_err() && verbs.judge("sh lo x", Series::Nx).is_err());
        assert!(verbs.judge("show version", Series::Nx).is_ok() && verbs.judge("reload", Series::Nx).is_err());
        assert!(verbs.judge("cmc execute all command x", Series::Cm).is_ok());
        assert!(verbs.judge("cmc execute appliance x", Series::Cm).is_err());
        for wrong in ["allow:\n- {words: 'show  x'}\n", "deny:\n- {words: Reload}\n", "allow:\n- {words: ''}\n"] {
            assert!(matches!(all.add("login.yaml", wrong), Err(DefinitionError::Phrase { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_pulse_is_one_command_and_the_clock_comes_before_ages() {
        let all = embedded();
        for series in Series::ALL {
            let names = |tier| all.commands(*series, None, tier).iter().map(|l| l.name.clone()).collect::<Vec<_>>();
            assert_eq!(names(Tier::Pulse), ["hardware"], "{series}");
            assert_eq!(names(Tier::Detail).first().map(String::as_str), Some("clock"), "{series}");
            assert_eq!(names(Tier::Slow).first().map(String::as_str), Some("clock"), "{series}");
        }
    }

    #[test]
    fn series_and_release_choose_the_commands() {
        let all = embedded();
        let has = |series, release: &str, name| {
            let release = release.parse::<Release>().expect("a release");
            Tier::ALL.iter().any(|tier| all.commands(series, Some(&release), *tier).iter().any(|l| l.name == name))
        };
        assert!(!has(Series::Nx, "7.7.0.433916", "health"));
        assert!(has(Series::Nx, "8.3.0.1", "health"));
        assert!(has(Series::Hx, "10.0.2.1007339", "health"));
        assert!(has(Series::Nx, "9.1.0.1", "policymgr") && !has(Series::Ex, "9.1.0.1", "policymgr"));
        for series in [Series::Cm, Series::Hx] {
            assert!(!has(series, "10.0.4.1", "guest-images"), "{series}");
        }
        assert!(has(Series::Cm, "10.0.4.1", "cmc-appliances") && !has(Series::Cm, "10.0.4.1", "cmc-client"));
    }

    #[test]
    fn each_port_that_a_pair_may_have_is_asked_for_when_it_is_named() {
        let all = embedded();
        let pairs = all.by_name("policymgr").expect("there");
        let context =
            Context { now: crate::model::time::Time::from_ms(0), clock: None, series: Series::Nx, release: None };
        let mut asked = Vec::new();
        for port in 0..40 {
            let text = format!("Policy enabled: yes\nInterface A\n  Ports       : pether{port}  pether{port}\n");
            let readout = all.read(pairs, &Outside::from(text), true, &context);
            let unknown =
                readout.readings.iter().any(|r| r.condition == crate::model::reading::Condition::Unrecognised);
            let named = all.list().filter(|layout| layout.named.is_some() && layout.is_wanted(&readout.names));
            let commands = named.map(|layout| layout.command.as_str().to_owned()).collect::<Vec<_>>();
            assert_eq!(unknown, commands.is_empty(), "pether{port}: a port that nobody asks for is told");
            asked.extend(commands);
        }
        assert_eq!(asked.len(), 16);
        assert_eq!(asked.first().map(String::as_str), Some("show interfaces pether3"));
        let place = |name| all.list().position(|layout| layout.name == name);
        assert!(place("policymgr") < place("monitoring-port pether3"));
        let sent = |names: &[Outside]| all.list().filter(|layout| layout.is_wanted(names)).count();
        assert_eq!(sent(&[]), sent(&["pether3; reload".into(), "PETHER3".into(), "pether".into()]));
    }

    #[test]
    fn a_users_layout_wins_by_name_in_its_place() {
        let mut all = embedded();
        let place = all.list().position(|layout| layout.name == "ntp");
        let text = "mark: seen\nlayouts:\n- {name: ntp, command: show ntp configured, series: [nx], tiers: [slow]}\nreads: {}\n";
        all.add("mine.yaml", text).expect("right");
        let ntp = all.by_name("ntp").expect("there");
        assert_eq!((ntp.command.as_str(), ntp.origin.mark), ("show ntp configured", Mark::Seen));
        assert_eq!(all.list().position(|layout| layout.name == "ntp"), place);
    }

    #[test]
    fn a_users_definition_of_snmp_lies_beside_the_embedded_ones_or_wins() {
        let mut all = embedded();
        let count = all.list_snmp().count();
        let text = "mark: modelled\nname: snmp-disks\nseries: [nx]\nhardware: true\nunder: 1.3.6.1.4.1.25597.11\nreads:\n  \
                    words: {state: {good: [PASSED]}}\n  tables:\n  - at: 2.1.3.1\n    index: row\n    columns:\n    \
                    - {at: '6', as: state, type: text}\n    readings:\n    - {kind: disk, name: NAME, checks: [{of: [state], \
                    judge: {words: WORDS}}]}\n";
        let with = |name: &str, words: &str| text.replace("NAME", name).replace("WORDS", words);
        all.add("snmp-mine.yaml", &with("row", "state")).expect("right");
        assert_eq!(all.list_snmp().count(), count + 1);
        assert_eq!(all.snmp_roots(Series::Nx, false), ["1.3.6.1.4.1.25597.11".parse::<Oid>().expect("right")]);
        assert_eq!(all.snmp_roots(Series::Ex, true).len(), 2);
        all.add("snmp-mine.yaml", &with("row", "state").replace("snmp-disks", "snmp-mail")).expect("right");
        assert_eq!(all.list_snmp().count(), count + 1, "it replaced a known one");
        assert_eq!(all.snmp_roots(Series::Ex, true).len(), 1);
        let refused = |text: &str| all.clone().add("snmp-mine.yaml", text).expect_err("wrong");
        assert!(matches!(refused(&with("nobody", "state")), DefinitionError::UnknownPart { .. }));
        assert!(matches!(refused(&with("row", "none")), DefinitionError::UnknownWords { .. }));
        assert!(matches!(
            refused(&with("row", "state").replace("type: text", "type: word")),
            DefinitionError::Syntax { .. }
        ));
        assert!(matches!(refused(&with("row", "state").replace("2.1.3.1", "x")), DefinitionError::Syntax { .. }));
    }

    #[test]
    fn snmp_alone_speaks_of_what_no_command_speaks_of() {
        use ComponentKind::{Analysis, GuestImage, MailQueue, Managed, Overall};
        let all = embedded();
        let alone = |series| all.snmp_only(series).into_iter().collect::<Vec<_>>();
        assert_eq!(alone(Series::Nx), [Overall, Analysis]);
        assert_eq!(alone(Series::Ex), [Overall, MailQueue, Analysis]);
        // No command of a CM prints guest images.
        assert_eq!(alone(Series::Cm), [GuestImage, Overall, Managed]);
    }

    #[test]
    fn mistakes_in_a_definition_are_refused() {
        let mut all = embedded();
        let head = "mark: modelled\nlayouts:\n- {name: x, command: COMMAND, series: [nx], tiers: [slow]}\nreads:\n  items:\n  - start: [{key: A}]\n    readings:\n    - {kind: disk, checks: [{of: [PART], judge: {words: WORDS}}]}\n  words: {w: {good: [Good]}}\n";
        let with = |command: &str, part: &str, words: &str| {
            head.replace("COMMAND", command).replace("PART", part).replace("WORDS", words)
        };
        assert!(all.add("x.yaml", &with("show x", "value", "w")).is_ok());
        assert!(matches!(all.add("x.yaml", &with("reload", "value", "w")), Err(DefinitionError::Command { .. })));
        assert!(matches!(all.add("x.yaml", &with("show x", "valeu", "w")), Err(DefinitionError::UnknownPart { .. })));
        assert!(matches!(all.add("x.yaml", &with("show x", "value", "v")), Err(DefinitionError::UnknownWords { .. })));
        let names = with("show x", "value", "w").replace("    readings:\n", "    names: [nobody]\n    readings:\n");
        assert!(matches!(all.add("x.yaml", &names), Err(DefinitionError::UnknownPart { .. })));
        let each = with("show x", "value", "w").replace("tiers:", "each: ['a | b'], tiers:");
        assert!(matches!(all.add("x.yaml", &each), Err(DefinitionError::Command { .. })));
        assert!(matches!(all.add("x.yaml", "mark: modelled\nlayout: []"), Err(DefinitionError::Syntax { .. })));
        let rest = with("show x", "value", "w").replace("{key: A}", "{begins: 'A ', rest: '(?<value>'}");
        assert!(matches!(all.add("x.yaml", &rest), Err(DefinitionError::Expression { .. })));
        let config = include_str!("definitions/config.yaml").replace("'^## Generated at '", "'^## ('");
        assert!(matches!(all.add("config.yaml", &config), Err(DefinitionError::Expression { .. })));
    }
}
