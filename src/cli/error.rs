//! How a refusal is shown: what, caused by what, and what to do.

use std::error::Error as _;

use super::out::Out;
use crate::service::refusal::Refusal;
use crate::yaml::Problem;

/// Prints problems of files as they are: each with its place, its line and its hint.
pub fn problems(out: Out, problems: &[Problem]) {
    for problem in problems {
        out.talk(&problem.to_string());
        out.talk("");
    }
}

/// Prints a refusal on standard error.
pub fn show(out: Out, refusal: &Refusal) {
    if let Refusal::Files(list) = refusal {
        problems(out, list);
    }
    out.talk(&format!("error[{}]: {refusal}", refusal.code()));
    let mut source = refusal.source();
    while let Some(error) = source {
        out.talk(&format!("caused by: {error}"));
        source = error.source();
    }
    if let Some(hint) = refusal.hint() {
        out.talk(&format!("\nhint: {hint}"));
    }
}
