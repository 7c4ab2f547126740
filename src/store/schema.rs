//! The tables, as both databases have them: a test compares the columns of each with this file.

diesel::table! {
    store_meta (id) {
        id -> BigInt,
        store_id -> Text,
        realm -> Text,
        made_at -> BigInt,
    }
}

diesel::table! {
    generation (number) {
        number -> BigInt,
        digest -> Text,
        accepted_at -> BigInt,
        accepted_by -> Text,
        files -> Binary,
    }
}

diesel::table! {
    asset (id) {
        id -> BigInt,
        customer -> Text,
        serial -> Nullable<Text>,
        product -> Nullable<Text>,
        model -> Nullable<Text>,
        appliance_id -> Nullable<Text>,
        release -> Nullable<Text>,
        release_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    tenure (id) {
        id -> BigInt,
        asset_id -> BigInt,
        seat -> Text,
        from_at -> BigInt,
        to_at -> Nullable<BigInt>,
        reason -> Text,
    }
}

diesel::table! {
    hop (id) {
        id -> BigInt,
        customer -> Text,
        gateway -> Text,
        place -> Text,
    }
}

diesel::table! {
    host_key (id) {
        id -> BigInt,
        asset_id -> Nullable<BigInt>,
        hop_id -> Nullable<BigInt>,
        algorithm -> Text,
        fingerprint -> Text,
        public_key -> Text,
        state -> Text,
        seen_at -> BigInt,
        route -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    reading_span (id) {
        id -> BigInt,
        customer -> Text,
        seat -> Text,
        kind -> Text,
        name -> Text,
        condition -> Text,
        said -> Text,
        first_at -> BigInt,
        last_at -> BigInt,
        polls -> BigInt,
        is_open -> Bool,
    }
}

diesel::table! {
    poll_last (customer, seat) {
        customer -> Text,
        seat -> Text,
        at -> BigInt,
        outcome -> Text,
        reason -> Text,
        took_ms -> BigInt,
        pulse_at -> Nullable<BigInt>,
        detail_at -> Nullable<BigInt>,
        slow_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    poll_day (customer, seat, day_at) {
        customer -> Text,
        seat -> Text,
        day_at -> BigInt,
        packed -> Binary,
    }
}

diesel::table! {
    series_chunk (customer, seat, step, start_at) {
        customer -> Text,
        seat -> Text,
        step -> Text,
        start_at -> BigInt,
        packed -> Binary,
    }
}

diesel::table! {
    finding (id) {
        id -> BigInt,
        customer -> Text,
        seat -> Text,
        kind -> Text,
        name -> Text,
        condition -> Text,
        said -> Text,
        state -> Text,
        since_at -> BigInt,
        hard_at -> Nullable<BigInt>,
        last_at -> BigInt,
        bad_count -> BigInt,
        good_count -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    object (id) {
        id -> BigInt,
        customer -> Text,
        seat -> Text,
        generation -> BigInt,
        kind -> Text,
        taken_at -> BigInt,
        nonce -> Text,
        digest -> Binary,
        bytes -> BigInt,
        path -> Nullable<Text>,
        body -> Nullable<Binary>,
    }
}

diesel::table! {
    object_text (object_id) {
        object_id -> BigInt,
        packed -> Binary,
    }
}

diesel::table! {
    backup (id) {
        id -> BigInt,
        kind -> Text,
        customer -> Text,
        seat -> Text,
        asset_id -> BigInt,
        taken_at -> BigInt,
        grade -> Text,
        doubts -> Text,
        change_id -> Nullable<BigInt>,
        release -> Nullable<Text>,
        bytes -> BigInt,
        lines -> BigInt,
        sections -> Text,
        content -> Binary,
        object_id -> BigInt,
    }
}

diesel::table! {
    backup_seen (backup_id) {
        backup_id -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    backup_event (id) {
        id -> BigInt,
        backup_id -> BigInt,
        at -> BigInt,
        event -> Text,
        detail -> Text,
    }
}

diesel::table! {
    pruned (backup_id) {
        backup_id -> BigInt,
        customer -> Text,
        seat -> Text,
        taken_at -> BigInt,
        seen_at -> BigInt,
        grade -> Text,
        object_id -> BigInt,
        pruned_at -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    house_key (name) {
        name -> Text,
        public -> Text,
        sealed -> Binary,
        sealed_to -> Text,
        made_at -> BigInt,
    }
}

diesel::table! {
    customer_key (customer, generation) {
        customer -> Text,
        generation -> BigInt,
        public -> Text,
        private_sealed -> Nullable<Binary>,
        content_sealed -> Nullable<Binary>,
        sealed_to -> Nullable<Text>,
        made_at -> BigInt,
        destroyed_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    credential_brake (id) {
        id -> BigInt,
        customer -> Text,
        credential -> Text,
        door -> Text,
        state -> Text,
        at -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        proof -> Text,
        act -> Text,
        subject -> Text,
        detail -> Text,
    }
}

diesel::joinable!(tenure -> asset (asset_id));
diesel::joinable!(host_key -> asset (asset_id));
diesel::joinable!(host_key -> hop (hop_id));
diesel::table! {
    transcript (id) {
        id -> BigInt,
        customer -> Text,
        seat -> Text,
        kind -> Text,
        who -> Text,
        began_at -> BigInt,
        process -> Text,
    }
}

diesel::table! {
    transcript_end (transcript_id) {
        transcript_id -> BigInt,
        ended_at -> BigInt,
        outcome -> Text,
        detail -> Text,
        bytes -> BigInt,
        commands -> BigInt,
        denied -> BigInt,
        cut -> Bool,
        object_id -> BigInt,
    }
}

diesel::table! {
    transcript_pruned (transcript_id) {
        transcript_id -> BigInt,
        customer -> Text,
        seat -> Text,
        who -> Text,
        began_at -> BigInt,
        object_id -> Nullable<BigInt>,
        pruned_at -> BigInt,
    }
}

diesel::joinable!(backup -> object (object_id));
diesel::joinable!(object_text -> object (object_id));
diesel::joinable!(backup_seen -> backup (backup_id));
diesel::joinable!(backup_event -> backup (backup_id));
diesel::joinable!(transcript_end -> transcript (transcript_id));
diesel::joinable!(transcript_end -> object (object_id));
diesel::allow_tables_to_appear_in_same_query!(
    asset,
    tenure,
    hop,
    host_key,
    backup,
    backup_seen,
    backup_event,
    object,
    object_text,
    transcript,
    transcript_end
);
