//! A new store on each database. PostgreSQL is a private server on a unix socket that ends with this process.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hoshu::model::realm::Realm;
use hoshu::model::time::Time;
use hoshu::store::{Store, StoreUrl};

/// The night of every test.
pub(crate) const NOW: Time = Time::from_ms(1_795_453_200_000);

/// An address of a store that nobody has opened yet.
pub(crate) struct Place {
    pub(crate) text: String,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { text: format!("sqlite:{}/data/hoshu.db", folder.path().display()), folder }
    }

    /// `None` where there is no PostgreSQL to start; with CI=true that is a failure.
    pub(crate) fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = server()?;
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::establish(&server.conninfo("postgres")).unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let text = format!("postgres://postgres@/{name}?host={}", server.folder.display());
        Some(Self { text, folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn url(&self) -> StoreUrl {
        self.text.parse().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.text.starts_with("sqlite:")
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.url(), Realm::Lab, NOW).unwrap()
    }

    /// The file of an SQLite store.
    pub(crate) fn file(&self) -> PathBuf {
        PathBuf::from(self.text.strip_prefix("sqlite:").unwrap())
    }

    /// Statements as somebody gives them who goes around the store.
    pub(crate) fn raw(&self, statements: &str) -> QueryResult<()> {
        if self.is_sqlite() { self.file_db().batch_execute(statements) } else { self.pg().batch_execute(statements) }
    }

    /// A connection of one's own to an SQLite store.
    pub(crate) fn file_db(&self) -> SqliteConnection {
        let mut db = SqliteConnection::establish(self.file().to_str().unwrap()).unwrap();
        db.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        db
    }

    pub(crate) fn pg(&self) -> PgConnection {
        let name = self.text.split(['/', '?']).nth(3).unwrap();
        PgConnection::establish(&server().unwrap().conninfo(name)).unwrap()
    }
}

/// Copies an SQLite store while it is used, as `.backup` of sqlite3 does.
pub(crate) fn backup_file(from: &Path, to: &Path) {
    // SQLite takes an empty file as none, and leaves its mode.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).unwrap();
    let mut db = SqliteConnection::establish(from.to_str().unwrap()).unwrap();
    db.batch_execute(&format!("PRAGMA busy_timeout = 10000; VACUUM INTO '{}'", to.display())).unwrap();
}

struct Server {
    folder: PathBuf,
    // The wrapper stops the server when this pipe closes, which it does however this process ends.
    _wrapper: Child,
}

impl Server {
    fn conninfo(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.folder.display())
    }
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(start).as_ref();
    if server.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "PostgreSQL is missing");
        println!("skipped: there is no PostgreSQL under /usr/lib/postgresql");
    }
    server
}

fn start() -> Option<Server> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bin =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).find(|bin| bin.join("initdb").exists())?;
    let folder = tempfile::Builder::new().prefix("hoshu-pg-").tempdir().unwrap().keep();
    let script = format!(
        "cd {folder} && {bin}/initdb -D {folder}/data -A trust -U postgres --no-sync >{folder}/log 2>&1 \
         && {bin}/pg_ctl -D {folder}/data -l {folder}/log -w start \
            -o \"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off\" >/dev/null \
         && echo ready && cat >/dev/null; {bin}/pg_ctl -D {folder}/data -m immediate stop >/dev/null; rm -rf {folder}",
        folder = folder.display(),
        bin = bin.display()
    );
    let mut command = if rustix::process::getuid().is_root() {
        // PostgreSQL does not run as root.
        let made = Command::new("chown").arg("postgres").arg(&folder).status().unwrap();
        assert!(made.success());
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh", "-c", &script]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        command
    };
    let mut wrapper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(wrapper.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "PostgreSQL did not start");
    Some(Server { folder, _wrapper: wrapper })
}

/// Makes a test of each database from one async function of a [`Place`].
macro_rules! on_both {
    ($($name:ident)+) => {$(
        mod $name {
            fn run(place: Option<crate::store::place::Place>) {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                if let Some(place) = place {
                    runtime.block_on(super::$name(place));
                }
            }

            #[test]
            fn sqlite() {
                run(Some(crate::store::place::Place::sqlite()));
            }

            #[test]
            fn postgres() {
                run(crate::store::place::Place::postgres());
            }
        }
    )+};
}
pub(crate) use on_both;
