package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// param is one member that a method's params may have.
type param struct {
	name     string
	index    []int // of the field, as for reflect.Value.FieldByIndex
	required bool
}

// paramsOf lists the params that a struct type stands for, its embedded structs'
// included: a field without omitempty and omitzero is required.
func paramsOf(t reflect.Type) []param {
	var list []param
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		optional := slices.ContainsFunc(strings.Split(options, ","), func(o string) bool {
			return o == "omitempty" || o == "omitzero"
		})
		list = append(list, param{name: name, index: f.Index, required: !optional})
	}
	return list
}

// decodeParams decodes the params of a request into a P, whose members params lists,
// strictly: they must be an object (absent and null are an empty one), with no
// member that P does not have, none that is there twice, every one that P requires,
// and none of a wrong type. A member that is null counts as absent. Every error is
// invalid_params, and names the culprit in data.field.
func decodeParams[P any](params []param, raw json.RawMessage) (P, error) {
	var p P
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	if raw[0] != '{' {
		return p, api.InvalidParams("params", "must be an object: params go by name here")
	}
	target := reflect.ValueOf(&p).Elem()
	given := map[string]json.RawMessage{}
	err := eachMember(raw, func(name string, value json.RawMessage) error {
		if _, twice := given[name]; twice {
			return api.InvalidParams(name, "is there twice")
		}
		given[name] = value
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			return api.InvalidParams(name, "there is no such param")
		}
		if string(value) == "null" {
			return nil
		}
		return decodeParam(name, value, target.FieldByIndex(params[i].index))
	})
	if err != nil {
		return p, err
	}
	for _, param := range params {
		if value, ok := given[param.name]; param.required && (!ok || string(value) == "null") {
			return p, api.InvalidParams(param.name, "is required")
		}
	}
	return p, nil
}

// decodeParam decodes one value into a field.
func decodeParam(name string, value json.RawMessage, field reflect.Value) error {
	err := jsonv2.Unmarshal(value, field.Addr().Interface(), jsontext.AllowInvalidUTF8(true))
	if err == nil {
		return checkWords(name, field)
	}
	var mismatch *jsonv2.SemanticError
	if !errors.As(err, &mismatch) {
		return api.InvalidParams(name, "%v", err)
	}
	where := ""
	if mismatch.JSONPointer != "" {
		where = " at " + string(mismatch.JSONPointer)
	}
	if mismatch.Err != nil && field.Kind() == reflect.Struct { // a type that decodes itself says what it wants
		return api.InvalidParams(name, "%v", mismatch.Err)
	}
	return api.InvalidParams(name, "must be %s%s", described(mismatch.GoType), where)
}

// checkWords refuses words that a field's type does not have.
func checkWords(name string, field reflect.Value) error {
	switch field.Kind() {
	case reflect.Slice:
		for i := range field.Len() {
			if err := checkWords(name, field.Index(i)); err != nil {
				return err
			}
		}
	case reflect.String:
		words := enums[field.Type()]
		if words != nil && !slices.Contains(words, field.String()) {
			return api.InvalidParams(name, "must be one of %s", strings.Join(words, ", "))
		}
	}
	return nil
}

// described names a Go type as a client knows it.
func described(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}
