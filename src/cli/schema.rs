//! `hoshu schema`: JSON Schemas for editors, made from the tables that the readers use.

use super::{Context, Doors, Ended};
use crate::service::check::{schema_inventory, schema_settings};
use crate::service::import::schema_mapping;

/// Print the JSON Schema of a file format.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which files.
    #[arg(value_enum)]
    what: What,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// inventory/customers/*.yaml
    Inventory,
    /// hoshu.yaml
    Settings,
    /// The mapping of `hoshu appliance import`
    Mapping,
}

/// Prints the schema.
pub fn run(context: &Context<'_, impl Doors>, args: &Args) -> Ended {
    let schema = match args.what {
        What::Inventory => schema_inventory(),
        What::Settings => schema_settings(),
        What::Mapping => schema_mapping(),
    };
    context.out.data(&format!("{schema:#}"));
    Ended::Done
}
