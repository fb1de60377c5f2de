-- Control numbers its changes, so that each of its replicas can follow what the others commit.
create sequence ledger_change;

create unique index ledger_by_change on ledger (change);
