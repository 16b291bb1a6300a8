CREATE EXTENSION pgcrypto;

-- The DER value that begins at pos (from 0): where its content begins, and where it ends.
CREATE FUNCTION der_value(b bytea, pos integer, OUT body integer, OUT past integer) LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE n integer := get_byte(b, pos + 1); len integer := 0;
BEGIN
  body := pos + 2;
  IF n < 128 THEN
    len := n;
  ELSE
    FOR i IN 1 .. n - 128 LOOP
      len := len * 256 + get_byte(b, pos + 1 + i);
    END LOOP;
    body := body + n - 128;
  END IF;
  past := body + len;
END $$;

-- A time of the certificate's validity: number 0 is notBefore, 1 is notAfter.
CREATE FUNCTION x509_time(b bytea, number integer) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE v record; pos integer; t text; y integer;
BEGIN
  v := der_value(b, 0);
  v := der_value(b, v.body);
  pos := v.body;
  IF get_byte(b, pos) = 160 THEN -- version
    v := der_value(b, pos); pos := v.past;
  END IF;
  FOR i IN 1 .. 3 LOOP -- serialNumber, signature, issuer
    v := der_value(b, pos); pos := v.past;
  END LOOP;
  v := der_value(b, pos);
  v := der_value(b, v.body);
  IF number = 1 THEN
    pos := v.past; v := der_value(b, pos);
  END IF;
  t := convert_from(substring(b FROM v.body + 1 FOR v.past - v.body), 'LATIN1');
  IF length(t) = 13 THEN
    y := substring(t FROM 1 FOR 2)::integer;
    t := CASE WHEN y < 50 THEN '20' ELSE '19' END || t;
  END IF;
  RETURN make_timestamp(substring(t FROM 1 FOR 4)::integer, substring(t FROM 5 FOR 2)::integer, substring(t FROM 7 FOR 2)::integer,
    substring(t FROM 9 FOR 2)::integer, substring(t FROM 11 FOR 2)::integer, substring(t FROM 13 FOR 2)::double precision);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL; -- as crt.sh does with what it cannot read
END $$;

CREATE FUNCTION x509_notBefore(b bytea) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT x509_time(b, 0) $$;
CREATE FUNCTION x509_notAfter(b bytea) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT x509_time(b, 1) $$;

CREATE TABLE ca (
  id integer PRIMARY KEY,
  num_issued bigint[],
  linting_applies boolean DEFAULT true NOT NULL,
  name text NOT NULL,
  public_key bytea NOT NULL
);
CREATE UNIQUE INDEX ca_uniq ON ca (name text_pattern_ops, public_key);
CREATE INDEX ca_spki_sha256 ON ca (digest(public_key, 'sha256'));
INSERT INTO ca (id, name, public_key) VALUES (-1, 'Issuer Not Found', E'\\x00');

CREATE TABLE certificate (
  id bigint NOT NULL,
  issuer_ca_id integer NOT NULL REFERENCES ca(id),
  certificate bytea NOT NULL
) PARTITION BY RANGE (coalesce(x509_notAfter(certificate), 'infinity'::timestamp));
CREATE TABLE certificate_2022andbefore PARTITION OF certificate FOR VALUES FROM (MINVALUE) TO ('2023-01-01T00:00:00'::timestamp);
CREATE TABLE certificate_2023 PARTITION OF certificate FOR VALUES FROM ('2023-01-01T00:00:00'::timestamp) TO ('2024-01-01T00:00:00'::timestamp);
CREATE TABLE certificate_2024 PARTITION OF certificate FOR VALUES FROM ('2024-01-01T00:00:00'::timestamp) TO ('2025-01-01T00:00:00'::timestamp);
CREATE TABLE certificate_2025 PARTITION OF certificate FOR VALUES FROM ('2025-01-01T00:00:00'::timestamp) TO ('2026-01-01T00:00:00'::timestamp);
CREATE TABLE certificate_2026 PARTITION OF certificate FOR VALUES FROM ('2026-01-01T00:00:00'::timestamp) TO ('2027-01-01T00:00:00'::timestamp);
CREATE TABLE certificate_2027andbeyond PARTITION OF certificate FOR VALUES FROM ('2027-01-01T00:00:00'::timestamp) TO (MAXVALUE);
CREATE INDEX c_id ON certificate (id);
CREATE INDEX c_sha256 ON certificate (digest(certificate, 'sha256'));
CREATE INDEX c_ica_notbefore ON certificate (issuer_ca_id, x509_notBefore(certificate));
CREATE INDEX c_ica_notafter ON certificate (issuer_ca_id, coalesce(x509_notAfter(certificate), 'infinity'::timestamp));

CREATE TABLE ca_certificate (
  certificate_id bigint PRIMARY KEY,
  ca_id integer REFERENCES ca(id)
);
CREATE INDEX cac_ca_c ON ca_certificate (ca_id, certificate_id);

GRANT SELECT ON ca, certificate, ca_certificate TO guest;
