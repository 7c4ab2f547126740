//! The person's terminal: keys as they are pressed, and its size. It is put back whatever happens.

use std::io::{IsTerminal, Read};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc::{Receiver, channel};

use crate::service::refusal::Refusal;

/// Messages of keys that wait to be taken.
const WAITING_MAX: usize = 64;

/// A terminal whose keys come as they are pressed, until it is dropped.
pub(super) struct Keyboard {
    before: Termios,
    /// Keys; closed when the terminal is gone.
    pub(super) keys: Receiver<Vec<u8>>,
}

/// Whether a person sits here.
pub(super) fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Columns and rows of the window.
pub(super) fn window() -> (u32, u32) {
    let size = tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((80, 24), |size| (u32::from(size.ws_col), u32::from(size.ws_row)))
}

impl Keyboard {
    /// Takes the terminal: no key is echoed, and none means anything to the system.
    pub(super) fn take() -> Result<Self, Refusal> {
        let broken = |_| Refusal::NoTerminal;
        let before = tcgetattr(std::io::stdin()).map_err(broken)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(broken)?;
        let (sender, keys) = channel(WAITING_MAX);
        // A read of a terminal cannot be given up: the thread ends with the program, or with the next key.
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = std::io::stdin().lock().read(&mut bytes) {
                if sender.blocking_send(bytes.get(..count).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { before, keys })
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that is gone needs no putting back.
        tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before).ok();
    }
}
