-- Control numbers its changes, so that each of its replicas can follow what the others commit.
create sequence ledger_change;

create unique index ledger_by_change on ledger (change);

-- The story of a migration is read here; nobody asks the other services' logs for one.
create index event_log_subject on event_log (subject, position);
