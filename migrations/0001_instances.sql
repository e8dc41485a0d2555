CREATE TABLE "mcp_instances" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"beats" integer NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
