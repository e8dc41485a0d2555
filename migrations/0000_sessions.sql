CREATE TABLE "mcp_session_events" (
	"session_ref" text collate "C" NOT NULL,
	"stream" text collate "C" NOT NULL,
	"sequence" integer NOT NULL,
	"data" json NOT NULL,
	"is_end" boolean NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "mcp_session_events_pkey" PRIMARY KEY("session_ref","stream","sequence")
);
--> statement-breakpoint
CREATE TABLE "mcp_session_streams" (
	"session_ref" text collate "C" NOT NULL,
	"stream" text collate "C" NOT NULL,
	"last_sequence" integer NOT NULL,
	"ended" boolean NOT NULL,
	CONSTRAINT "mcp_session_streams_pkey" PRIMARY KEY("session_ref","stream")
);
--> statement-breakpoint
CREATE TABLE "mcp_session_values" (
	"session_ref" text collate "C" NOT NULL,
	"key" text collate "C" NOT NULL,
	"value" json,
	"version" integer NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "mcp_session_values_pkey" PRIMARY KEY("session_ref","key"),
	CONSTRAINT "mcp_session_values_mark" CHECK (("mcp_session_values"."value" is null) = ("mcp_session_values"."deleted_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "mcp_sessions" (
	"ref" text collate "C" PRIMARY KEY NOT NULL,
	"principal_issuer" text,
	"principal_subject" text,
	"initialize" json,
	"protocol_version" text,
	"log_level" text,
	"subscriptions" json NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"ends_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"value_count" integer DEFAULT 0 NOT NULL,
	"key_count" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "mcp_sessions_principal" CHECK (("mcp_sessions"."principal_issuer" is null) = ("mcp_sessions"."principal_subject" is null)),
	CONSTRAINT "mcp_sessions_expiry" CHECK ("mcp_sessions"."expires_at" <= "mcp_sessions"."ends_at"),
	CONSTRAINT "mcp_sessions_counts" CHECK (0 <= "mcp_sessions"."value_count" and "mcp_sessions"."value_count" <= "mcp_sessions"."key_count")
);
--> statement-breakpoint
ALTER TABLE "mcp_session_events" ADD CONSTRAINT "mcp_session_events_stream" FOREIGN KEY ("session_ref","stream") REFERENCES "public"."mcp_session_streams"("session_ref","stream") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mcp_session_streams" ADD CONSTRAINT "mcp_session_streams_session" FOREIGN KEY ("session_ref") REFERENCES "public"."mcp_sessions"("ref") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mcp_session_values" ADD CONSTRAINT "mcp_session_values_session" FOREIGN KEY ("session_ref") REFERENCES "public"."mcp_sessions"("ref") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "mcp_session_events_expires_at" ON "mcp_session_events" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "mcp_sessions_expires_at" ON "mcp_sessions" USING btree ("expires_at");