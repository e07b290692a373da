CREATE TABLE "UserProfiles" (
  "Id" text PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "FirstName" text,
  "LastName" text,
  "UserId" text,
  "ProfilePictureUri" text,
  "Rating" integer NOT NULL,
  "Ranking" integer NOT NULL,
  "TotalDistance" double precision NOT NULL,
  "TotalTrips" bigint NOT NULL,
  "TotalTime" bigint NOT NULL,
  "HardStops" bigint NOT NULL,
  "HardAccelerations" bigint NOT NULL,
  "FuelConsumption" double precision NOT NULL,
  "MaxSpeed" double precision NOT NULL,
  "Version" bigint NOT NULL DEFAULT 1,
  "CreatedAt" timestamptz NOT NULL DEFAULT now(),
  "UpdatedAt" timestamptz,
  "Deleted" boolean NOT NULL DEFAULT false
);

CREATE TABLE "Trips" (
  "Id" text PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "Name" text,
  "UserId" text,
  "RecordedTimeStamp" text,
  "EndTimeStamp" text,
  "Rating" integer NOT NULL,
  "IsComplete" boolean NOT NULL,
  "HasSimulatedOBDData" boolean NOT NULL,
  "AverageSpeed" real NOT NULL,
  "FuelUsed" real NOT NULL,
  "HardStops" bigint NOT NULL,
  "HardAccelerations" bigint NOT NULL,
  "MainPhotoUrl" text,
  "Distance" real NOT NULL,
  "Version" bigint NOT NULL DEFAULT 1,
  "CreatedAt" timestamptz NOT NULL DEFAULT now(),
  "UpdatedAt" timestamptz,
  "Deleted" boolean NOT NULL DEFAULT false
);

CREATE TABLE "TripPoints" (
  "Id" text PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "TripId" text REFERENCES "Trips"("Id"),
  "Latitude" real NOT NULL,
  "Longitude" real NOT NULL,
  "Speed" real NOT NULL,
  "RecordedTimeStamp" text,
  "Sequence" integer NOT NULL,
  "RPM" real NOT NULL,
  "ShortTermFuelBank" real NOT NULL,
  "LongTermFuelBank" real NOT NULL,
  "ThrottlePosition" real NOT NULL,
  "RelativeThrottlePosition" real NOT NULL,
  "Runtime" real NOT NULL,
  "DistanceWithMalfunctionLight" real NOT NULL,
  "EngineLoad" real NOT NULL,
  "MassFlowRate" real NOT NULL,
  "EngineFuelRate" real NOT NULL,
  "VIN" text,
  "HasOBDData" boolean NOT NULL,
  "HasSimulatedOBDData" boolean NOT NULL,
  "Version" bigint NOT NULL DEFAULT 1,
  "CreatedAt" timestamptz NOT NULL DEFAULT now(),
  "UpdatedAt" timestamptz,
  "Deleted" boolean NOT NULL DEFAULT false
);

CREATE TABLE "POIs" (
  "Id" text PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "TripId" text,
  "Latitude" double precision NOT NULL,
  "Longitude" double precision NOT NULL,
  "POIType" integer NOT NULL,
  "RecordedTimeStamp" text,
  "Version" bigint NOT NULL DEFAULT 1,
  "CreatedAt" timestamptz NOT NULL DEFAULT now(),
  "UpdatedAt" timestamptz,
  "Deleted" boolean NOT NULL DEFAULT false,
  "Timestamp" timestamptz NOT NULL
);

COPY "UserProfiles" ("Id", "FirstName", "LastName", "UserId", "ProfilePictureUri", "Rating", "Ranking", "TotalDistance", "TotalTrips", "TotalTime", "HardStops", "HardAccelerations", "FuelConsumption", "MaxSpeed", "CreatedAt", "UpdatedAt", "Deleted") FROM '/opt/seed/UserProfiles.tsv';

COPY "Trips" ("Id", "Name", "UserId", "RecordedTimeStamp", "EndTimeStamp", "Rating", "IsComplete", "HasSimulatedOBDData", "AverageSpeed", "FuelUsed", "HardStops", "HardAccelerations", "Distance", "CreatedAt", "UpdatedAt", "Deleted") FROM '/opt/seed/Trips.tsv';

COPY "TripPoints" ("Id", "TripId", "Latitude", "Longitude", "Speed", "RecordedTimeStamp", "Sequence", "RPM", "ShortTermFuelBank", "LongTermFuelBank", "ThrottlePosition", "RelativeThrottlePosition", "Runtime", "DistanceWithMalfunctionLight", "EngineLoad", "MassFlowRate", "EngineFuelRate", "VIN", "HasOBDData", "HasSimulatedOBDData", "CreatedAt", "UpdatedAt", "Deleted") FROM '/opt/seed/TripPoints.tsv';

COPY "POIs" ("Id", "TripId", "Latitude", "Longitude", "POIType", "RecordedTimeStamp", "CreatedAt", "UpdatedAt", "Deleted", "Timestamp") FROM '/opt/seed/POIs.tsv';

CREATE INDEX "TripPoints_TripId" ON "TripPoints" ("TripId", "Sequence");
CREATE INDEX "POIs_TripId" ON "POIs" ("TripId");
CREATE INDEX "Trips_UserId" ON "Trips" ("UserId");

CREATE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW."UpdatedAt" := now(); NEW."Version" := OLD."Version" + 1; RETURN NEW; END $$;

CREATE FUNCTION count_pois() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN UPDATE "Trips" SET "HardAccelerations" = (SELECT count(*) FROM "POIs" WHERE "TripId" = NEW."TripId" AND "POIType" = 1 AND NOT "Deleted"), "HardStops" = (SELECT count(*) FROM "POIs" WHERE "TripId" = NEW."TripId" AND "POIType" = 2 AND NOT "Deleted") WHERE "Id" = NEW."TripId"; RETURN NULL; END $$;

CREATE TRIGGER touch_user BEFORE UPDATE ON "UserProfiles" FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TRIGGER touch_trip BEFORE UPDATE ON "Trips" FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TRIGGER touch_point BEFORE UPDATE ON "TripPoints" FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TRIGGER touch_poi BEFORE UPDATE ON "POIs" FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TRIGGER count_pois AFTER INSERT ON "POIs" FOR EACH ROW EXECUTE FUNCTION count_pois();

ANALYZE;

