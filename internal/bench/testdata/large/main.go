// Command app is a service of the size of a grown-up one: about a thousand source
// files beside the standard library's.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/PuerkitoBio/goquery"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/gorilla/mux"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/html"
	"github.com/tdewolff/minify/v2/js"
	"github.com/yuin/goldmark"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"golang.org/x/oauth2"

	"example.com/large/internal/p00"
)

// edition is what an edit changes.
const edition = "edition"

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := serve(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func serve(ctx context.Context) error {
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Close()
	router := mux.NewRouter()
	router.HandleFunc("/", handler)
	router.Handle("/metrics", promhttp.Handler())
	router.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { login(w, r, db) })
	server := &http.Server{Addr: ":8080", Handler: h2c.NewHandler(router, &http2.Server{})}
	if host := os.Getenv("HOST_NAME"); host != "" {
		manager := autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(host)}
		server.TLSConfig = manager.TLSConfig()
	}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	fmt.Println(edition, "of", version, "listens on", server.Addr)
	return server.ListenAndServe()
}

// handler shows what the generated packages compute, by way of the libraries.
func handler(w http.ResponseWriter, r *http.Request) {
	var page strings.Builder
	text := fmt.Sprintf("# %s\n\n%s", edition, p00.Run(r.URL.Query().Get("name")))
	if err := goldmark.Convert([]byte(text), &page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	m := minify.New()
	m.AddFunc("text/html", html.Minify)
	m.AddFunc("text/css", css.Minify)
	m.AddFunc("application/javascript", js.Minify)
	small, err := m.String("text/html", page.String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(small))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, doc.Find("h1").Text(), small)
}

func login(w http.ResponseWriter, r *http.Request, db *sql.DB) {
	provider, err := oidc.NewProvider(r.Context(), os.Getenv("OIDC_ISSUER"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	keys, err := webauthn.New(&webauthn.Config{RPID: "example.com", RPDisplayName: edition, RPOrigins: []string{"https://example.com"}})
	if err != nil || db.PingContext(r.Context()) != nil {
		http.Error(w, "no login", http.StatusInternalServerError)
		return
	}
	config := oauth2.Config{Endpoint: provider.Endpoint(), ClientID: keys.Config.RPID}
	http.Redirect(w, r, config.AuthCodeURL(edition), http.StatusFound)
}
