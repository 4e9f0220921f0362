package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Sources is where settings come from.
type Sources struct {
	Flags  map[string]string // the flags that were given, by key of the setting
	Getenv func(string) string
	File   string // the configuration file, which must exist; "": $SESSIOND_CONFIG, else the usual one if it is there
}

// ConfigError says that a setting cannot be used, and where it comes from.
type ConfigError struct {
	Source string // a flag, an environment variable, or a file and the key in it
	Err    error
}

func (e *ConfigError) Error() string { return e.Source + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the setting.
func (e *ConfigError) Unwrap() error { return e.Err }

// Load merges the sources, flags over environment over file, over the
// defaults. It touches nothing on disk but the configuration file. Errors are
// of type *ConfigError.
func Load(s Sources) (Config, error) {
	c := defaultConfig()
	c.given = map[string]string{}
	file, err := readFile(s)
	if err != nil {
		return c, err
	}
	if s.File != "" || s.Getenv("SESSIOND_CONFIG") != "" {
		c.given["config"] = file.path
	}
	for _, setting := range settings {
		value, source, ok := s.lookup(setting)
		if ok {
			if value, err = setting.absolute(value); err != nil {
				return c, &ConfigError{source, err}
			}
			c.given[setting.Key] = value
		} else if value, ok = file.values[setting.Key]; ok {
			source = fmt.Sprintf("%s: %s", file.path, setting.Key)
			if setting.path && !filepath.IsAbs(value) {
				return c, &ConfigError{source, errors.New("must be an absolute path")}
			}
		} else {
			continue
		}
		if err := setting.apply(&c, value); err != nil {
			return c, &ConfigError{source, err}
		}
		c.origins = append(c.origins, Origin{setting.Key, setting.shown(value), source})
	}
	if err := c.defaultPaths(s.Getenv); err != nil {
		return c, err
	}
	return c, checkSocketPath(c.Socket)
}

// defaultConfig is what no source changes, but for the paths.
func defaultConfig() Config {
	return Config{LogFormat: LogAuto, IdleTimeout: defaultIdleTimeout, SessionTimeout: defaultSessionTimeout, MaxJournalBytes: defaultMaxJournal}
}

// Origin says where a setting comes from.
type Origin struct {
	Key    string
	Value  string
	Source string // a flag, an environment variable, or a file and the key in it
}

// Origins lists the settings that are not the defaults.
func (c Config) Origins() []Origin { return slices.Clone(c.origins) }

// Settings gives the settings that are not the defaults, by key.
func (c Config) Settings() map[string]string {
	values := map[string]string{}
	for _, o := range c.origins {
		values[o.Key] = o.Value
	}
	return values
}

// Differing lists the settings, by key, whose values are not those of a daemon that
// was configured with running. Paths to reach it by are not among them.
func (c Config) Differing(running map[string]string) []string {
	var keys []string
	here := c.Settings()
	for _, s := range settings {
		if s.Key != "socket" && s.Key != "state_dir" && !s.same(here, running) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// same reports whether two configurations have the same value of a setting,
// however it is spelt.
func (s Setting) same(a, b map[string]string) bool {
	if s.private {
		return a[s.Key] == b[s.Key]
	}
	one, other := defaultConfig(), defaultConfig()
	for c, values := range map[*Config]map[string]string{&one: a, &other: b} {
		if value, ok := values[s.Key]; ok && s.apply(c, value) != nil {
			return a[s.Key] == b[s.Key] // one that is not known here
		}
	}
	return reflect.DeepEqual(one, other)
}

// lookup returns what flags or environment say.
func (s Sources) lookup(setting Setting) (value, source string, ok bool) {
	if v, ok := s.Flags[setting.Key]; ok {
		return v, "--" + setting.Flag(), true
	}
	v := s.Getenv(setting.Env())
	return v, setting.Env(), v != ""
}

// absolute makes paths independent of the working directory. A claude without
// a slash is a name to look up on PATH.
func (s Setting) absolute(value string) (string, error) {
	if !s.path && (s.Key != "claude" || !strings.Contains(value, "/")) {
		return value, nil
	}
	if value == "" {
		return "", errors.New("must not be empty")
	}
	return filepath.Abs(value)
}

// Environment returns env with what flags and environment had set, so that a
// daemon that is started with it elsewhere loads the same configuration.
func (c Config) Environment(env []string) []string {
	out := append([]string(nil), env...)
	for _, s := range settings {
		if v, ok := c.given[s.Key]; ok {
			out = append(out, s.Env()+"="+v)
		}
	}
	if v, ok := c.given["config"]; ok {
		out = append(out, "SESSIOND_CONFIG="+v)
	}
	return out
}

// configFile is what the file says, as text, by key.
type configFile struct {
	path   string
	values map[string]string
}

// readFile finds and reads the file. A file that was named must exist.
func readFile(s Sources) (configFile, error) {
	path, named := s.File, true
	if path == "" {
		path = s.Getenv("SESSIOND_CONFIG")
	}
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return configFile{}, &ConfigError{"configuration", err}
		}
		path = abs
	} else {
		dir, err := xdgDir(s.Getenv, "XDG_CONFIG_HOME", ".config")
		if err != nil {
			return configFile{}, nil //nolint:nilerr // without a home there is no usual place, and so no file
		}
		path, named = filepath.Join(dir, "config.toml"), false
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return configFile{}, nil
	}
	if err != nil {
		return configFile{}, &ConfigError{"configuration", err}
	}
	values, err := decodeFile(b)
	if err != nil {
		return configFile{}, &ConfigError{path, err}
	}
	return configFile{path, values}, nil
}

// decodeFile decodes TOML strictly: an unknown key is an error that names it and
// its line. Numbers need no quotes.
func decodeFile(b []byte) (map[string]string, error) {
	fields := make([]reflect.StructField, len(settings))
	for i, s := range settings {
		fields[i] = reflect.StructField{Name: fmt.Sprint("F", i), Type: reflect.TypeFor[any](), Tag: reflect.StructTag(fmt.Sprintf("toml:%q", s.Key))}
	}
	file := reflect.New(reflect.StructOf(fields))
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(file.Interface()); err != nil {
		return nil, tomlError(err)
	}
	values := map[string]string{}
	for i, s := range settings {
		switch v := file.Elem().Field(i).Interface().(type) {
		case nil:
		case string:
			values[s.Key] = v
		case int64:
			values[s.Key] = strconv.FormatInt(v, 10)
		case float64:
			values[s.Key] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			return nil, fmt.Errorf("%s must be a text in quotes, or a number", s.Key)
		}
	}
	return values, nil
}

// tomlError says on which line what is wrong.
func tomlError(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := &unknown.Errors[0]
		line, _ := first.Position()
		return fmt.Errorf("line %d: unknown key %q", line, strings.Join(first.Key(), "."))
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, _ := wrong.Position()
		return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return err
}
